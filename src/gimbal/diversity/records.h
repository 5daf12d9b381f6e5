// The records file of a run: a header line, then one line a generation in the order of the generations file, whatever the
// number of threads. docs/formats/records.md states it for users. Beside it NAME.outputs.jsonl.gz keeps what every test printed
// ("NAME" without .jsonl), once for each program of a prompt, for rules that the run did not apply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/data/jsonl.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/outcome.h"
#include "gimbal/diversity/semantic.h"

namespace gimbal::diversity {

inline constexpr std::string_view kRecordsSchema = "gimbal.diversity.records/1";
inline constexpr std::string_view kOutputsSchema = "gimbal.diversity.outputs/1";

struct RecordsHeader {
  std::string tasks_path, tasks_sha256;
  std::string runtime = "python3", version;
  std::string entry;  // "stdin", or "task" where each task names its own
  std::string extract = "auto";
  sandbox::Limits limits;
  bool all_tests = false, parity = false;
  int repeat = 1;
  std::optional<std::int64_t> seed = 0;  // of `random` before every test
  std::string isolation;
  std::vector<std::string> layers;
  std::string equiv = "trim", validity = "no-error";
  bool order_dependent = false;

  std::string json() const;  // one line
};
// Errors: version (another schema), parse_error.
Result<RecordsHeader> parse_records_header(const JsonView& line);

struct Record {
  std::string prompt_id = {};
  int gen_id = 0;
  Group group = {};
  Status status = Status::kOk;
  bool valid = false;
  int cls = -1;  // -1: none
  std::optional<bool> correct = {};
  TestCounts tests = {};
  bool has_token = true;
  std::optional<std::string> failed_test = {}, message = {};
  double cpu_ms = 0, wall_ms = 0;
  bool nondeterministic = false;
  std::optional<int> duplicate_of = {};  // the first generation of the prompt with the same program
  std::string program_sha256 = {}, behaviour = {}, program = {};
};
std::string record_json(const Record& record);
Result<Record> parse_record(const JsonView& line);

// One prompt's records, in the order of gen_id.
struct RecordSet {
  std::string prompt_id;
  Group group = {};
  std::vector<Record> records = {};
  bool order_dependent = false;

  Partition partition() const;
  // The partition under another rule of validity, from what the records keep: behaviours that are equal as texts are a class.
  Partition partition(const ValidityRule& rule) const;
};

// Reads a records file prompt by prompt. A file that ends within a prompt or a line is refused with advice.
class RecordsReader {
 public:
  static Result<RecordsReader> open(const std::string& path);
  const RecordsHeader& header() const { return header_; }
  // The next prompt; nullopt at the end. Errors: parse_error with the line; corrupted for a truncated last line.
  Result<std::optional<RecordSet>> next();

 private:
  RecordsReader(data::JsonlReader reader, std::string path) : reader_(std::move(reader)), path_(std::move(path)) {}
  data::JsonlReader reader_;
  std::string path_;
  RecordsHeader header_;
  std::optional<Record> ahead_;
};

// --- outputs
std::string outputs_path(std::string_view records_path);  // "r.outputs.jsonl.gz" for "r.jsonl"
std::string outputs_header();                             // one line
// One line for each test that was run.
std::string output_lines(const Record& record, const Outcome& outcome, const Task& task);
// The outcomes of a file of outputs by (prompt, group, gen_id), prompt after prompt in the order of the records.
class OutputsReader {
 public:
  static Result<OutputsReader> open(const std::string& records_path);
  // The outcomes of a prompt's records, duplicates filled in; `tasks` gives the order of tests. Errors: corrupted when lines
  // are missing, with advice.
  Result<std::vector<Outcome>> outcomes(const RecordSet& set, const Task& task);

 private:
  explicit OutputsReader(data::JsonlReader reader, std::string path) : reader_(std::move(reader)), path_(std::move(path)) {}
  data::JsonlReader reader_;
  std::string path_;
  std::optional<JsonView> ahead_;
};

// {"status","stdout" or "stdout_b64","message","cpu_ms","wall_ms"} into an open object, and back.
void write_test_outcome(JsonWriter& json, const TestOutcome& test);
Result<TestOutcome> parse_test_outcome(const JsonView& object);

}  // namespace gimbal::diversity
