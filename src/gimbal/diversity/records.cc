#include "gimbal/diversity/records.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/data/byte_source.h"

namespace gimbal::diversity {
namespace {

double microseconds(double ms) { return std::round(ms * 1000) / 1000; }

Result<Status> status_of(const JsonView& object) {
  GIMBAL_TRY(const std::string word, object.string("status"));
  const auto status = sandbox::parse_status(word);
  if (!status) return fail_at(object.path(), ErrorCode::kParseError, "unknown status {}", gimbal::quoted(word));
  return *status;
}

Result<std::optional<std::string>> maybe_text(const JsonView& object, std::string_view key) {
  const auto found = object.find(key);
  if (!found) return std::optional<std::string>();
  GIMBAL_TRY(std::string text, found->string());
  return std::optional(std::move(text));
}

// The JSON text of a group's value, as generations.h has it.
Result<Group> group_of(const JsonView& object) {
  Group group;
  GIMBAL_TRY(const auto members, object.members());
  for (const auto& [column, value] : members) {
    const bool number = value.is_number() && !value.integer();
    group.emplace_back(column, number ? shortest(value.number().value()) : value.text());
  }
  return group;
}

}  // namespace

std::string RecordsHeader::json() const {
  JsonWriter json;
  json.begin_object().field("schema", kRecordsSchema);
  json.key("tasks").begin_object().field("path", tasks_path).field("sha256", tasks_sha256).end_object();
  json.key("runtime").begin_object().field("name", runtime).field("version", version).end_object();
  json.field("entry", entry).field("extract", extract);
  json.key("limits").begin_object().field("cpu_ms", limits.cpu_ms).field("wall_ms", limits.wall_ms);
  json.field("memory_bytes", limits.memory_bytes).field("output_bytes", limits.output_bytes);
  json.field("processes", limits.processes).end_object();
  json.field("all_tests", all_tests).field("parity", parity).field("repeat", repeat).field("program_seed", seed);
  json.field("isolation", isolation).field("layers", layers).field("equiv", equiv).field("validity", validity);
  json.field("order_dependent", order_dependent);
  return json.end_object().take();
}

Result<RecordsHeader> parse_records_header(const JsonView& line) {
  GIMBAL_TRY(line.expect_schema(kRecordsSchema));
  RecordsHeader header;
  GIMBAL_TRY(const JsonView tasks, line.get("tasks"));
  GIMBAL_TRY(header.tasks_path, tasks.string("path"));
  GIMBAL_TRY(header.tasks_sha256, tasks.string("sha256"));
  GIMBAL_TRY(const JsonView runtime, line.get("runtime"));
  GIMBAL_TRY(header.runtime, runtime.string("name"));
  GIMBAL_TRY(header.version, runtime.string("version"));
  GIMBAL_TRY(header.entry, line.string("entry"));
  GIMBAL_TRY(header.extract, line.string_or("extract", "auto"));
  GIMBAL_TRY(const JsonView limits, line.get("limits"));
  GIMBAL_TRY(header.limits.cpu_ms, limits.integer("cpu_ms"));
  GIMBAL_TRY(header.limits.wall_ms, limits.integer("wall_ms"));
  GIMBAL_TRY(header.limits.memory_bytes, limits.integer("memory_bytes"));
  GIMBAL_TRY(header.limits.output_bytes, limits.integer("output_bytes"));
  GIMBAL_TRY(const std::int64_t processes, limits.integer_or("processes", header.limits.processes));
  header.limits.processes = static_cast<int>(processes);
  GIMBAL_TRY(header.all_tests, line.boolean_or("all_tests", false));
  GIMBAL_TRY(header.parity, line.boolean_or("parity", false));
  GIMBAL_TRY(const std::int64_t repeat, line.integer_or("repeat", 1));
  header.repeat = static_cast<int>(repeat);
  header.seed.reset();
  if (line.has("program_seed")) {
    GIMBAL_TRY(header.seed, line.integer("program_seed"));
  }
  GIMBAL_TRY(header.isolation, line.string("isolation"));
  GIMBAL_TRY(header.layers, line.strings("layers"));
  GIMBAL_TRY(header.equiv, line.string("equiv"));
  GIMBAL_TRY(header.validity, line.string("validity"));
  GIMBAL_TRY(header.order_dependent, line.boolean_or("order_dependent", false));
  return header;
}

std::string record_json(const Record& record) {
  JsonWriter json;
  json.begin_object().field("prompt_id", record.prompt_id).field("gen_id", record.gen_id);
  json.key("group").raw(group_json(record.group));
  json.field("status", sandbox::status_name(record.status)).field("valid", record.valid);
  json.field("class", record.cls < 0 ? std::nullopt : std::optional(record.cls)).field("correct", record.correct);
  json.key("tests").begin_object().field("n", record.tests.n).field("run", record.tests.run).field("ok", record.tests.ok);
  json.field("correct", record.tests.correct).field("nonempty", record.tests.nonempty).end_object();
  json.field("failed_test", record.failed_test).field("message", record.message);
  json.field("cpu_ms", microseconds(record.cpu_ms)).field("wall_ms", microseconds(record.wall_ms));
  json.field("nondeterministic", record.nondeterministic).field("duplicate_of", record.duplicate_of);
  json.field("has_token", record.has_token).field("program_sha256", record.program_sha256);
  json.field("behaviour", record.behaviour).field("program", record.program);
  return json.end_object().take();
}

Result<Record> parse_record(const JsonView& line) {
  Record record;
  GIMBAL_TRY(record.prompt_id, line.string("prompt_id"));
  GIMBAL_TRY(const std::int64_t gen_id, line.integer("gen_id"));
  record.gen_id = static_cast<int>(gen_id);
  GIMBAL_TRY(const JsonView group, line.get("group"));
  GIMBAL_TRY(record.group, group_of(group));
  GIMBAL_TRY(record.status, status_of(line));
  GIMBAL_TRY(record.valid, line.boolean("valid"));
  GIMBAL_TRY(const std::int64_t cls, line.integer_or("class", -1));
  record.cls = static_cast<int>(cls);
  if (record.valid != (record.cls >= 0))
    return fail_at(line.path(), ErrorCode::kParseError, "a valid generation has a class, an invalid one none");
  if (line.has("correct")) {
    GIMBAL_TRY(record.correct, line.boolean("correct"));
  }
  GIMBAL_TRY(const JsonView tests, line.get("tests"));
  const auto count = [&](std::string_view key, int& to) -> Result<void> {
    GIMBAL_TRY(const std::int64_t n, tests.integer(key));
    to = static_cast<int>(n);
    return {};
  };
  GIMBAL_TRY(count("n", record.tests.n));
  GIMBAL_TRY(count("run", record.tests.run));
  GIMBAL_TRY(count("ok", record.tests.ok));
  GIMBAL_TRY(count("nonempty", record.tests.nonempty));
  if (tests.has("correct")) GIMBAL_TRY(count("correct", record.tests.correct.emplace()));
  GIMBAL_TRY(record.failed_test, maybe_text(line, "failed_test"));
  GIMBAL_TRY(record.message, maybe_text(line, "message"));
  GIMBAL_TRY(record.cpu_ms, line.number("cpu_ms"));
  GIMBAL_TRY(record.wall_ms, line.number("wall_ms"));
  GIMBAL_TRY(record.nondeterministic, line.boolean("nondeterministic"));
  if (line.has("duplicate_of")) {
    GIMBAL_TRY(const std::int64_t first, line.integer("duplicate_of"));
    record.duplicate_of = static_cast<int>(first);
  }
  GIMBAL_TRY(record.has_token, line.boolean_or("has_token", true));
  GIMBAL_TRY(record.program_sha256, line.string("program_sha256"));
  GIMBAL_TRY(record.behaviour, line.string("behaviour"));
  GIMBAL_TRY(record.program, line.string("program"));
  return record;
}

Partition RecordSet::partition() const {
  std::vector<int> labels;
  std::vector<bool> valid;
  for (const Record& record : records) {
    labels.push_back(record.cls);
    valid.push_back(record.valid);
  }
  Partition out = partition_of(labels, valid);
  out.order_dependent = order_dependent;
  return out;
}

Partition RecordSet::partition(const ValidityRule& rule) const {
  std::vector<std::optional<std::string>> labels;
  for (const Record& record : records) {
    const bool valid = rule.accepts(record.status, record.tests, record.has_token);
    labels.push_back(valid ? std::optional(record.behaviour) : std::nullopt);
  }
  return partition_of(labels);
}

Result<RecordsReader> RecordsReader::open(const std::string& path) {
  GIMBAL_TRY(data::JsonlReader lines,
             data::JsonlReader::open(
                 path, {.header_schema = std::string(kRecordsSchema), .header_required = true, .allow_torn = true}));
  RecordsReader reader(std::move(lines), path);
  GIMBAL_TRY(reader.header_, parse_records_header(*reader.reader_.header()));
  return reader;
}

Result<std::optional<RecordSet>> RecordsReader::next() {
  RecordSet set;
  set.order_dependent = header_.order_dependent;
  while (true) {
    if (!ahead_) {
      GIMBAL_TRY(const std::optional<JsonView> line, reader_.next());
      if (line) {
        GIMBAL_TRY(ahead_, parse_record(*line));
      } else if (reader_.torn() && set.records.empty()) {  // what stands before it is returned first
        return fail_at(data::display_name(path_), ErrorCode::kCorrupted,
                       "the last line is cut off: the run was interrupted; finish it with `gimbal diversity run ... --resume`");
      }
    }
    const bool begins = ahead_ && ahead_->gen_id == 0;
    if (!ahead_ || (begins && !set.records.empty())) break;
    if (set.records.empty()) {
      set.prompt_id = ahead_->prompt_id;
      set.group = ahead_->group;
    }
    if (ahead_->gen_id != static_cast<int>(set.records.size()) || ahead_->prompt_id != set.prompt_id ||
        ahead_->group != set.group)
      return fail_at(fmt::format("{}:{}", data::display_name(path_), reader_.line()), ErrorCode::kParseError,
                     "expected generation {} of prompt {}, found {} of {}", set.records.size(), gimbal::quoted(set.prompt_id),
                     ahead_->gen_id, gimbal::quoted(ahead_->prompt_id));
    set.records.push_back(std::move(*ahead_));
    ahead_.reset();
  }
  if (set.records.empty()) return std::optional<RecordSet>();
  return std::optional(std::move(set));
}

// -------------------------------------------------------------------------------------------------------------- outputs

std::string outputs_path(std::string_view records_path) {
  for (const std::string_view ending : {".gz", ".jsonl"}) {
    if (records_path.ends_with(ending)) records_path.remove_suffix(ending.size());
  }
  return std::string(records_path) + ".outputs.jsonl.gz";
}

std::string outputs_header() { return fmt::format("{{\"schema\":\"{}\"}}", kOutputsSchema); }

void write_test_outcome(JsonWriter& json, const TestOutcome& test) {
  json.field("status", sandbox::status_name(test.status));
  if (is_utf8(test.output)) {
    json.field("stdout", test.output);
  } else {
    json.field("stdout_b64", base64_encode(test.output));
  }
  if (test.message) json.field("message", *test.message);
  json.field("cpu_ms", microseconds(test.cpu_ms)).field("wall_ms", microseconds(test.wall_ms));
}

Result<TestOutcome> parse_test_outcome(const JsonView& object) {
  TestOutcome test;
  GIMBAL_TRY(test.status, status_of(object));
  if (object.has("stdout_b64")) {
    GIMBAL_TRY(const std::string text, object.string("stdout_b64"));
    GIMBAL_TRY(test.output, base64_decode(text));
  } else {
    GIMBAL_TRY(test.output, object.string("stdout"));
  }
  GIMBAL_TRY(test.message, maybe_text(object, "message"));
  GIMBAL_TRY(test.cpu_ms, object.number_or("cpu_ms", 0));
  GIMBAL_TRY(test.wall_ms, object.number_or("wall_ms", 0));
  return test;
}

std::string output_lines(const Record& record, const Outcome& outcome, const Task& task) {
  std::string out;
  for (std::size_t t = 0; t < outcome.tests.size(); ++t) {
    if (outcome.tests[t].status == Status::kNotRun) continue;
    JsonWriter json;
    json.begin_object().field("prompt_id", record.prompt_id);
    if (!record.group.empty()) json.key("group").raw(group_json(record.group));
    json.field("gen_id", record.gen_id).field("test", task.tests[t].id);
    write_test_outcome(json, outcome.tests[t]);
    out += json.end_object().text() + "\n";
  }
  return out;
}

Result<OutputsReader> OutputsReader::open(const std::string& records_path) {
  const std::string path = outputs_path(records_path);
  if (!exists(path))
    return fail_at(path, ErrorCode::kNotFound,
                   "another --equiv and --diff need what the programs printed, and it is not there; run again without "
                   "--no-store-outputs");
  GIMBAL_TRY(data::JsonlReader lines,
             data::JsonlReader::open(path, {.header_schema = std::string(kOutputsSchema), .header_required = true}));
  return OutputsReader(std::move(lines), path);
}

Result<std::vector<Outcome>> OutputsReader::outcomes(const RecordSet& set, const Task& task) {
  std::map<std::string, std::size_t, std::less<>> index;
  for (std::size_t t = 0; t < task.tests.size(); ++t) index[task.tests[t].id] = t;
  std::vector<Outcome> out(set.records.size());
  std::vector<bool> seen(out.size());
  while (true) {
    if (!ahead_) {
      GIMBAL_TRY(ahead_, reader_.next());
    }
    if (!ahead_) break;
    GIMBAL_TRY(const std::string prompt, ahead_->string("prompt_id"));
    GIMBAL_TRY(const std::int64_t gen_id, ahead_->integer("gen_id"));
    Group group;
    if (const auto columns = ahead_->find("group")) {
      GIMBAL_TRY(group, group_of(*columns));
    }
    if (prompt != set.prompt_id || group != set.group) break;
    GIMBAL_TRY(const std::string id, ahead_->string("test"));
    const auto test = index.find(id);
    if (gen_id < 0 || gen_id >= static_cast<std::int64_t>(out.size()) || test == index.end())
      return fail_at(ahead_->path(), ErrorCode::kCorrupted, "the records have no test {} of generation {}", gimbal::quoted(id),
                     gen_id);
    const auto g = static_cast<std::size_t>(gen_id);
    out[g].tests.resize(task.tests.size());
    seen[g] = true;
    GIMBAL_TRY(out[g].tests[test->second], parse_test_outcome(*ahead_));
    ahead_.reset();
  }
  for (std::size_t g = 0; g < out.size(); ++g) {
    const Record& record = set.records[g];
    const std::size_t from = record.duplicate_of ? static_cast<std::size_t>(*record.duplicate_of) : g;
    if (from < g) {
      out[g] = out[from];
    } else if (seen[g]) {
      summarize(out[g]);
    } else if (record.tests.run > 0) {
      return fail_at(path_, ErrorCode::kCorrupted, "the outputs of generation {} of prompt {} are missing", g,
                     gimbal::quoted(set.prompt_id));
    } else {
      out[g].status = record.status;
    }
    out[g].has_token = record.has_token;
    out[g].nondeterministic = record.nondeterministic;
  }
  return out;
}

}  // namespace gimbal::diversity
