// gimbal diversity classes: the behaviours that one prompt's generations showed, and where two of them differ.
#include <algorithm>
#include <array>
#include <map>

#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/records.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::cli {
namespace {

using diversity::Record;

struct Flags {
  std::string records, prompt;
  std::vector<std::string> group;
  std::optional<std::string> diff, out;
  int show = 3;
};

// The generations of a class.
struct Class {
  std::vector<const Record*> members;
  const Record* representative = nullptr;  // with the shortest program, of those the first
};

struct Difference {
  int a = 0, b = 0;
  std::string test, input, output_a, output_b;
};

bool has_columns(const diversity::Group& group, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&](const std::string& word) {
    return std::ranges::any_of(
        group, [&](const auto& cell) { return cell.first + "=" + diversity::plain_value(cell.second) == word; });
  });
}

// The prompt's records, in the group that is asked for. Errors: not_found with the nearest id; usage when several groups have
// it.
Result<diversity::RecordSet> find_prompt(diversity::RecordsReader& reader, const Flags& flags) {
  std::optional<diversity::RecordSet> found;
  std::vector<std::string> ids, groups;
  while (true) {
    GIMBAL_TRY(std::optional<diversity::RecordSet> set, reader.next());
    if (!set) break;
    if (std::ranges::find(ids, set->prompt_id) == ids.end()) ids.push_back(set->prompt_id);
    if (set->prompt_id != flags.prompt) continue;
    groups.push_back(diversity::group_json(set->group));
    if (!has_columns(set->group, flags.group)) continue;
    if (found) {
      return fail_at("--group", ErrorCode::kUsage, "prompt {} is in several groups ({}, {}): choose one with COLUMN=VALUE",
                     gimbal::quoted(flags.prompt), diversity::group_json(found->group), groups.back());
    }
    found = std::move(set);
  }
  if (found) return std::move(*found);
  if (!groups.empty()) {
    return fail_at("--group", ErrorCode::kNotFound, "prompt {} is in no such group; it is in {}", gimbal::quoted(flags.prompt),
                   join(groups, ", "));
  }
  return fail_at("--prompt", ErrorCode::kNotFound, "{} has no prompt {}{}", flags.records, gimbal::quoted(flags.prompt),
                 did_you_mean(flags.prompt, ids));
}

std::vector<Class> classes_of(const diversity::RecordSet& set) {
  std::vector<Class> out;
  for (const Record& record : set.records) {
    if (record.cls < 0) continue;
    const auto number = static_cast<std::size_t>(record.cls);
    if (out.size() <= number) out.resize(number + 1);
    Class& one = out[number];
    one.members.push_back(&record);
    if (one.representative == nullptr || record.program.size() < one.representative->program.size())
      one.representative = &record;
  }
  return out;
}

// "2:5" -> classes 2 and 5.
Result<std::pair<int, int>> parse_diff(const std::string& text, std::size_t classes) {
  const std::size_t colon = text.find(':');
  const auto a = parse_int(std::string_view(text).substr(0, colon));
  const auto b = colon == std::string::npos ? std::nullopt : parse_int(std::string_view(text).substr(colon + 1));
  const auto known = [&](const auto& n) { return n && *n >= 0 && *n < static_cast<std::int64_t>(classes); };
  if (!known(a) || !known(b) || *a == *b) {
    return fail_at("--diff", ErrorCode::kUsage, "expected two different classes from 0 to {} such as 0:1, found {}",
                   static_cast<std::int64_t>(classes) - 1, gimbal::quoted(text));
  }
  return std::pair(static_cast<int>(*a), static_cast<int>(*b));
}

// What is needed to show outputs: the task and the outcomes of the prompt's programs.
struct Stored {
  diversity::TaskFile tasks;
  const diversity::Task* task = nullptr;
  std::vector<diversity::Outcome> outcomes;
};

Result<Stored> stored_outputs(const Flags& flags, const diversity::RecordsHeader& header, const diversity::RecordSet& set) {
  Stored out;
  GIMBAL_TRY(const std::string sha, sha256_file(header.tasks_path));
  if (sha != header.tasks_sha256) {
    return fail_at(header.tasks_path, ErrorCode::kConflict, "the tasks have changed since {} was made", flags.records);
  }
  GIMBAL_TRY(out.tasks, diversity::read_tasks(header.tasks_path));
  out.task = out.tasks.find(set.prompt_id);
  if (out.task == nullptr) {
    return fail_at(header.tasks_path, ErrorCode::kNotFound, "there is no task {}", gimbal::quoted(set.prompt_id));
  }
  GIMBAL_TRY(diversity::OutputsReader reader, diversity::OutputsReader::open(flags.records));
  // Prompts are in the order of the records: those before are read past.
  GIMBAL_TRY(diversity::RecordsReader records, diversity::RecordsReader::open(flags.records));
  while (true) {
    GIMBAL_TRY(const std::optional<diversity::RecordSet> next, records.next());
    if (!next) return fail_at(flags.records, ErrorCode::kCorrupted, "the file changed while it was read");
    const diversity::Task* task = out.tasks.find(next->prompt_id);
    if (task == nullptr) continue;
    GIMBAL_TRY(std::vector<diversity::Outcome> outcomes, reader.outcomes(*next, *task));
    if (next->prompt_id != set.prompt_id || next->group != set.group) continue;
    out.outcomes = std::move(outcomes);
    return out;
  }
}

// The first test on which the two classes' representatives differ.
Result<Difference> first_difference(const Stored& stored, const diversity::RecordsHeader& header,
                                    const std::vector<Class>& classes, std::pair<int, int> pair) {
  GIMBAL_TRY(const reward::OutputEquivalence equivalence, reward::OutputEquivalence::parse(header.equiv));
  const auto outcome = [&](int number) -> const diversity::Outcome& {
    return stored.outcomes[static_cast<std::size_t>(classes[static_cast<std::size_t>(number)].members.front()->gen_id)];
  };
  const diversity::Outcome &a = outcome(pair.first), &b = outcome(pair.second);
  for (std::size_t t = 0; t < stored.task->tests.size() && t < a.tests.size() && t < b.tests.size(); ++t) {
    if (a.tests[t].status == b.tests[t].status && equivalence.equal(a.tests[t].output, b.tests[t].output)) continue;
    return Difference{pair.first,        pair.second,      stored.task->tests[t].id, stored.task->tests[t].input,
                      a.tests[t].output, b.tests[t].output};
  }
  return fail_at("--diff", ErrorCode::kCorrupted, "the stored outputs of classes {} and {} do not differ", pair.first,
                 pair.second);
}

std::string one_line(const std::string& text, std::size_t width) {
  const std::string_view shown = trim(text);
  return gimbal::quoted(shown, width);
}

void write_document(JsonWriter& json, const diversity::RecordSet& set, const std::vector<Class>& classes,
                    const std::map<std::string, std::vector<const Record*>>& invalid, const std::optional<Difference>& diff) {
  json.field("prompt_id", set.prompt_id).key("group").raw(diversity::group_json(set.group));
  json.field("k", static_cast<std::uint64_t>(set.records.size())).key("classes").begin_array();
  const auto write_ids = [&](const char* name, const std::vector<const Record*>& members) {
    json.key(name).begin_array();
    for (const Record* record : members) json.value(record->gen_id);
    json.end_array();
  };
  for (std::size_t c = 0; c < classes.size(); ++c) {
    json.begin_object().field("class", static_cast<std::uint64_t>(c));
    json.field("size", static_cast<std::uint64_t>(classes[c].members.size()));
    json.field("correct", classes[c].representative->correct);
    write_ids("generations", classes[c].members);
    json.field("representative", classes[c].representative->gen_id).end_object();
  }
  json.end_array().key("invalid").begin_object();
  for (const auto& [status, members] : invalid) write_ids(status.c_str(), members);
  json.end_object();
  if (!diff) {
    json.null_field("diff");
    return;
  }
  json.key("diff").begin_object().field("test", diff->test).field("input", diff->input);
  json.field("a", diff->output_a).field("b", diff->output_b).end_object();
}

Result<int> classes(CommandContext& context, const Flags& flags) {
  if (flags.out)
    GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, std::array{NamedFile{"RECORDS", flags.records}}));
  GIMBAL_TRY(diversity::RecordsReader reader, diversity::RecordsReader::open(flags.records));
  GIMBAL_TRY(const diversity::RecordSet set, find_prompt(reader, flags));
  const std::vector<Class> found = classes_of(set);
  std::map<std::string, std::vector<const Record*>> invalid;
  std::int64_t valid = 0;
  for (const Record& record : set.records) {
    valid += record.cls >= 0 ? 1 : 0;
    if (record.cls < 0) invalid[std::string(sandbox::status_name(record.status))].push_back(&record);
  }
  std::optional<Difference> diff;
  if (flags.diff) {
    GIMBAL_TRY(const auto pair, parse_diff(*flags.diff, found.size()));
    GIMBAL_TRY(const Stored stored, stored_outputs(flags, reader.header(), set));
    GIMBAL_TRY(diff, first_difference(stored, reader.header(), found, pair));
  }
  DocumentWriter document("gimbal.diversity.classes/1");
  write_document(document.json(), set, found, invalid, diff);
  GIMBAL_TRY(finish_document(context, document, flags.out));

  std::vector<std::size_t> order(found.size());
  for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t c) { return found[c].members.size(); });
  std::string text =
      fmt::format("{}{}: {} generations, {} valid, {} behaviours\n\n", set.prompt_id,
                  set.group.empty() ? "" : " " + diversity::group_json(set.group), set.records.size(), valid, found.size());
  TextTable table({"class", "size", "share of valid", "correct", "shortest program"});
  for (const std::size_t c : order) {
    const Class& one = found[c];
    const auto& correct = one.representative->correct;
    table.row({std::to_string(c), std::to_string(one.members.size()),
               policy::percent_words(static_cast<double>(one.members.size()) / static_cast<double>(valid)),
               !correct   ? "-"
               : *correct ? "yes"
                          : "no",
               "generation " + std::to_string(one.representative->gen_id)});
  }
  if (!found.empty()) text += table.text();
  for (std::size_t i = 0; i < order.size() && i < static_cast<std::size_t>(flags.show); ++i) {
    text += fmt::format("\nclass {}, generation {}:\n", order[i], found[order[i]].representative->gen_id);
    for (const std::string_view line : split(trim(found[order[i]].representative->program), '\n'))
      text += fmt::format("    {}\n", line);
  }
  if (!invalid.empty()) text += "\ninvalid:\n";
  for (const auto& [status, members] : invalid) {
    text += fmt::format("  {} {}", members.size(), status);
    const auto said = std::ranges::find_if(members, [](const Record* record) { return record->message.has_value(); });
    if (said != members.end()) text += ", such as " + one_line(*(*said)->message, 60);
    text += "\n";
  }
  if (diff) {
    text += fmt::format("\nclasses {} and {} differ first on test {}, input {}:\n  {}: {}\n  {}: {}\n", diff->a, diff->b,
                        diff->test, one_line(diff->input, 60), diff->a, one_line(diff->output_a, 70), diff->b,
                        one_line(diff->output_b, 70));
  }
  context.print(text);
  return 0;
}

}  // namespace

Command diversity_classes_command() {
  auto flags = std::make_shared<Flags>();
  Command command("classes", "Show the behaviours of one prompt's generations.");
  command.description(
      "Lists the classes of equal behaviour that `gimbal diversity run` found, the largest first, with the shortest program of "
      "each, and what was invalid and why. --diff I:J says on which test two classes part, with the input and both outputs.");
  command.positional("RECORDS", &flags->records).file().help("records, JSONL");
  command.option("--prompt", &flags->prompt).value("ID").required().show_default("").help("which prompt");
  command.option("--group", &flags->group).value("COL=VALUE").whole_words().help("which group, where the prompt is in several");
  command.option("--diff", &flags->diff).value("I:J").help("the first test on which these two classes differ");
  command.option("--show", &flags->show).value("N").min(0).help("classes whose program is printed");
  add_out(command, &flags->out);
  command.example("gimbal diversity classes records.jsonl --prompt HumanEval/51 --diff 0:1");
  command.run([flags](CommandContext& context) { return classes(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
