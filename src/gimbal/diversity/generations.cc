#include "gimbal/diversity/generations.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/data/byte_source.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::diversity {
namespace {

constexpr auto kIdKeys = std::to_array<std::string_view>({"prompt_id", "task_id", "problem_id", "codenet_problem_id", "id"});
constexpr auto kListKeys = std::to_array<std::string_view>({"generations", "completions", "samples", "responses", "programs"});
constexpr auto kSampleKeys = std::to_array<std::string_view>({"generation", "completion", "solution", "response", "text"});
// Known fields that are no group columns.
constexpr auto kOtherKeys = std::to_array<std::string_view>(
    {"prompt", "group", "partition", "valid", "gen_id", "description_string", "schema", "entry", "entry_point", "function",
     "canonical_solution", "test", "test_setup_code", "setup", "extract_args_fun", "tc_gen_fun"});

template <std::size_t N>
bool among(const std::array<std::string_view, N>& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

template <std::size_t N>
std::optional<std::string_view> present(const JsonView& record, const std::array<std::string_view, N>& keys) {
  for (const std::string_view key : keys) {
    if (record.has(key)) return key;
  }
  return std::nullopt;
}

// The JSON text of a scalar; nothing for null, objects and arrays.
std::optional<std::string> scalar(const JsonView& value) {
  if (value.is_string()) return json_quote(value.string().value());
  if (const auto integer = value.integer()) return std::to_string(*integer);
  if (value.is_number()) return shortest(value.number().value());
  if (const auto flag = value.boolean()) return *flag ? "true" : "false";
  return std::nullopt;
}

Result<void> add_columns(const JsonView& object, bool top_level, Group& group) {
  GIMBAL_TRY(const auto members, object.members());
  for (const auto& [key, value] : members) {
    if (top_level && (among(kIdKeys, key) || among(kListKeys, key) || among(kSampleKeys, key) || among(kOtherKeys, key)))
      continue;
    if (const auto text = scalar(value)) group.emplace_back(key, *text);
  }
  return {};
}

Result<std::string> id_of(const JsonView& record) {
  const auto key = present(record, kIdKeys);
  if (!key)
    return fail_at(record.path(), ErrorCode::kInvalidArgument,
                   "expected a prompt id (\"prompt_id\", \"task_id\", \"problem_id\" or \"id\")");
  GIMBAL_TRY(const JsonView id, record.get(*key));
  if (const auto number = id.integer()) return std::to_string(*number);
  return id.string();
}

Result<Partition> partition_from(const JsonView& classes, const std::optional<JsonView>& valid, std::size_t n) {
  GIMBAL_TRY(const auto labels, classes.items());
  std::vector<std::optional<std::string>> names;
  for (const JsonView& label : labels) names.push_back(scalar(label));
  if (valid) {
    GIMBAL_TRY(const auto flags, valid->items());
    if (flags.size() != names.size())
      return fail_at(valid->path(), ErrorCode::kInvalidArgument, "expected {} values, one a class, found {}", names.size(),
                     flags.size());
    for (std::size_t i = 0; i < flags.size(); ++i) {
      GIMBAL_TRY(const bool ok, flags[i].boolean());
      if (!ok) names[i].reset();
    }
  }
  if (names.size() != n)
    return fail_at(classes.path(), ErrorCode::kInvalidArgument, "expected {} classes, one a generation, found {}", n,
                   names.size());
  return partition_of(names);
}

Result<Partition> partition_of_record(const JsonView& record, std::size_t n) {
  GIMBAL_TRY(const JsonView classes, record.get("classes"));
  return partition_from(classes, record.find("valid"), n);
}

class Gatherer {
 public:
  Result<void> add(const JsonView& record, std::size_t line) {
    GIMBAL_TRY(const std::string id, id_of(record));
    Group group;
    if (!record.has("programs")) GIMBAL_TRY(add_columns(record, true, group));
    if (const auto nested = record.find("group")) GIMBAL_TRY(add_columns(*nested, false, group));
    std::ranges::sort(group);
    const auto list = present(record, kListKeys);
    const auto sample = present(record, kSampleKeys);
    if (!list && !sample && !has_null_sample(record))
      return fail_at(record.path(), ErrorCode::kInvalidArgument,
                     "expected \"generations\" (a list) or \"completion\" (a text)");
    const auto [at, fresh] = index_.try_emplace({id, group_json(group)}, file.sets.size());
    if (fresh) file.sets.push_back({.prompt_id = id, .group = group, .line = line});
    GenerationSet& set = file.sets[at->second];
    set.programs = list == "programs";
    set.completions = list == "completions" || sample == "completion";
    if (list) {
      if (!fresh)
        return fail_at(record.path(), ErrorCode::kInvalidArgument, "prompt {} came in line {} already, in the same group",
                       gimbal::quoted(id), set.line);
      GIMBAL_TRY(const JsonView field, record.get(*list));
      GIMBAL_TRY(const auto items, field.items());
      for (const JsonView& item : items) set.generations.push_back(text_of(item));
      if (const auto classes = record.find("partition")) {
        GIMBAL_TRY(set.partition, partition_from(*classes, record.find("valid"), set.generations.size()));
      }
      return {};
    }
    if (!sample) {
      set.generations.emplace_back();
      return {};
    }
    GIMBAL_TRY(const JsonView field, record.get(*sample));
    set.generations.push_back(text_of(field));
    return {};
  }

  GenerationFile file;

 private:
  static std::optional<std::string> text_of(const JsonView& value) {
    return value.is_string() ? std::optional(value.string().value()) : std::nullopt;
  }
  // A sample that is null: a generation that is no text.
  static bool has_null_sample(const JsonView& record) {
    const auto members = record.members();
    return members && std::ranges::any_of(*members, [](const auto& m) { return among(kSampleKeys, m.first); });
  }
  std::map<std::pair<std::string, std::string>, std::size_t> index_;
};

}  // namespace

std::string plain_value(const std::string& json) {
  if (!json.starts_with('"')) return json;
  const auto view = JsonView::parse(json, "group");
  return view ? view->string().value_or(json) : json;
}

std::string group_json(const Group& group) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [column, value] : group) json.key(column).raw(value);
  return json.end_object().take();
}

Result<GenerationFile> read_generations(const std::string& path, bool skip_bad) {
  GIMBAL_TRY(const data::JsonlRecords records, data::read_jsonl(path, {.skip_bad = skip_bad}));
  Gatherer gatherer;
  gatherer.file.skipped = records.bad;
  Diagnostics bad;
  for (std::size_t i = 0; i < records.records.size(); ++i) {
    if (const auto added = gatherer.add(records.records[i], records.lines[i]); !added) {
      if (skip_bad) {
        ++gatherer.file.skipped;
      } else {
        bad.add(added.error().where, added.error().message);
      }
    }
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  if (gatherer.file.sets.empty())
    return fail_at(data::display_name(path), ErrorCode::kInvalidArgument, "the file holds no generations");
  return std::move(gatherer.file);
}

Result<GenerationFile> read_lines(const std::string& path) {
  GIMBAL_TRY(const std::string text, read_file(path));
  if (text.empty()) return fail_at(data::display_name(path), ErrorCode::kInvalidArgument, "the file is empty");
  GenerationSet set{.prompt_id = "(lines)", .line = 1};
  for (std::string_view line : split(std::string_view(text).substr(0, text.size() - text.ends_with('\n')), '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    set.generations.emplace_back(line);
  }
  GenerationFile file;
  file.sets.push_back(std::move(set));
  return file;
}

Result<void> read_partitions(const std::string& path, GenerationFile& file) {
  GIMBAL_TRY(const data::JsonlRecords records, data::read_jsonl(path));
  std::map<std::string, JsonView, std::less<>> by_id;
  Diagnostics bad;
  for (const JsonView& record : records.records) {
    const auto id = id_of(record);
    if (!id) {
      bad.add(id.error().where, id.error().message);
    } else if (!by_id.emplace(*id, record).second) {
      bad.add(record.path(), fmt::format("prompt {} has a partition already", gimbal::quoted(*id)));
    }
  }
  for (GenerationSet& set : file.sets) {
    const auto at = by_id.find(set.prompt_id);
    if (at == by_id.end()) {
      bad.add(data::display_name(path), fmt::format("prompt {} has no partition", gimbal::quoted(set.prompt_id)));
      continue;
    }
    const auto partition = partition_of_record(at->second, set.generations.size());
    if (!partition) {
      bad.add(partition.error().where, partition.error().message);
    } else {
      set.partition = *partition;
    }
  }
  if (!bad.empty()) return fail(bad.to_error(ErrorCode::kInvalidArgument));
  return {};
}

}  // namespace gimbal::diversity
