#include "gimbal/diversity/records.h"

#include <gmock/gmock.h>

#include "gimbal/base/file.h"
#include "gimbal/diversity/runner.h"

namespace gimbal::diversity {
namespace {

using ::testing::HasSubstr;

Task two_tests() { return {.id = "p", .tests = {{.id = "0", .input = ""}, {.id = "1", .input = ""}}}; }

// Two generations of one prompt: the second is the first one again.
RecordSet small_set(const Task& task, std::vector<Outcome>& outcomes) {
  Outcome outcome;
  outcome.tests = {{.status = Status::kOk, .output = "a\xff"},
                   {.status = Status::kRuntimeError, .output = "b", .message = "E"}};
  summarize(outcome);
  outcomes = {outcome, outcome};
  RecordSet set{.prompt_id = "p", .group = {{"model", "\"m\""}, {"t", "0.5"}}};
  for (int g = 0; g < 2; ++g) {
    Record record{.prompt_id = "p", .gen_id = g, .group = set.group};
    record.program = "print()";
    record.program_sha256 = "00";
    if (g == 1) record.duplicate_of = 0;
    set.records.push_back(record);
  }
  apply_rules(set, outcomes, task, ValidityRule::parse("no-error").value(), reward::OutputEquivalence::parse("trim").value());
  return set;
}

class RecordsFile : public ::testing::Test {
 protected:
  void write(const std::string& text) { ASSERT_TRUE(write_atomic(path_, text).has_value()); }
  std::string header() {
    RecordsHeader header;
    header.tasks_path = "tasks.jsonl";
    header.seed.reset();
    header.isolation = "fork-server";
    header.layers = {"userns"};
    return header.json();
  }
  TemporaryFolder folder_ = TemporaryFolder::create().value();
  std::string path_ = (folder_.path() / "r.jsonl").string();
};

TEST_F(RecordsFile, ReadBackWhatWasWritten) {
  const Task task = two_tests();
  std::vector<Outcome> outcomes;
  const RecordSet set = small_set(task, outcomes);
  write(header() + "\n" + record_json(set.records[0]) + "\n" + record_json(set.records[1]) + "\n");
  auto reader = RecordsReader::open(path_);
  ASSERT_TRUE(reader.has_value()) << reader.error().text();
  EXPECT_EQ(reader->header().json(), header());
  const auto read = reader->next();
  ASSERT_TRUE(read.has_value()) << read.error().text();
  ASSERT_TRUE(read->has_value());
  EXPECT_EQ((*read)->group, set.group);
  for (std::size_t g = 0; g < 2; ++g) EXPECT_EQ(record_json((*read)->records[g]), record_json(set.records[g]));
  EXPECT_FALSE(reader->next().value().has_value());
}

TEST_F(RecordsFile, RefuseATruncatedLastLineWithAdvice) {
  const Task task = two_tests();
  std::vector<Outcome> outcomes;
  const std::string line = record_json(small_set(task, outcomes).records[0]);
  write(header() + "\n" + line.substr(0, line.size() / 2));
  auto reader = RecordsReader::open(path_).value();
  const auto read = reader.next();
  ASSERT_FALSE(read.has_value());
  EXPECT_THAT(read.error().text(), HasSubstr("the last line is cut off"));
  EXPECT_THAT(read.error().text(), HasSubstr("--resume"));
}

TEST_F(RecordsFile, RefuseAnotherSchemaAndAMissingGeneration) {
  write("{\"schema\":\"gimbal.diversity.records/9\"}\n");
  EXPECT_EQ(RecordsReader::open(path_).error().code, ErrorCode::kVersion);
  const Task task = two_tests();
  std::vector<Outcome> outcomes;
  write(header() + "\n" + record_json(small_set(task, outcomes).records[1]) + "\n");
  auto reader = RecordsReader::open(path_).value();
  EXPECT_THAT(reader.next().error().text(), HasSubstr("r.jsonl:2: expected generation 0"));
}

TEST_F(RecordsFile, OutputsComeBackForDuplicatesToo) {
  const Task task = two_tests();
  std::vector<Outcome> outcomes;
  const RecordSet set = small_set(task, outcomes);
  EXPECT_EQ(OutputsReader::open(path_).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(
      write_atomic(outputs_path(path_), outputs_header() + "\n" + output_lines(set.records[0], outcomes[0], task)).has_value());
  auto reader = OutputsReader::open(path_);
  ASSERT_TRUE(reader.has_value()) << reader.error().text();
  const auto read = reader->outcomes(set, task);
  ASSERT_TRUE(read.has_value()) << read.error().text();
  for (const Outcome& outcome : *read) {
    EXPECT_EQ(outcome.tests[0].output, "a\xff");
    EXPECT_EQ(outcome.failed_test, 1u);
    EXPECT_EQ(outcome.message, "E");
  }
}

TEST_F(RecordsFile, OutputsThatAreMissingAreNamed) {
  const Task task = two_tests();
  std::vector<Outcome> outcomes;
  const RecordSet set = small_set(task, outcomes);
  ASSERT_TRUE(write_atomic(outputs_path(path_), outputs_header() + "\n").has_value());
  auto reader = OutputsReader::open(path_).value();
  EXPECT_THAT(reader.outcomes(set, task).error().text(), HasSubstr("the outputs of generation 0 of prompt \"p\" are missing"));
}

TEST(RecordSet, AnotherRuleOfValidityNeedsNoSecondRun) {
  RecordSet set{.prompt_id = "p"};
  for (int g = 0; g < 3; ++g) {
    Record record{.prompt_id = "p", .gen_id = g};
    record.status = g == 2 ? Status::kRuntimeError : Status::kOk;
    record.tests = {.n = 1, .run = 1, .ok = g == 2 ? 0 : 1, .correct = g == 0 ? 1 : 0, .nonempty = 1};
    record.behaviour = std::to_string(g);
    set.records.push_back(record);
  }
  EXPECT_EQ(set.partition(ValidityRule::parse("no-error").value()).cls, (std::vector<int>{0, 1, -1}));
  EXPECT_EQ(set.partition(ValidityRule::parse("all-tests-pass").value()).cls, (std::vector<int>{0, -1, -1}));
}

}  // namespace
}  // namespace gimbal::diversity
