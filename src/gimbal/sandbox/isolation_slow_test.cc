// Both isolations print and end the same on programs that models and people wrote, times and memory apart.
#include <gmock/gmock.h>

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/sandbox/python_test_support.h"
#include "gimbal/sandbox/self_check.h"
#include "support/test_data.h"

namespace gimbal::sandbox {
namespace {

// Every program of a file of problems, on the first `inputs` inputs of its problem.
Result<std::vector<CorpusCase>> programs_of(const std::string& path, std::size_t inputs) {
  GIMBAL_TRY(const std::string text, read_file(path));
  std::vector<CorpusCase> cases;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    GIMBAL_TRY(const JsonView problem, JsonView::parse(rest.substr(0, end), path));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    GIMBAL_TRY(const std::string id, problem.string("problem_id"));
    GIMBAL_TRY(const std::vector<std::string> programs, problem.strings("programs"));
    GIMBAL_TRY(const JsonView tests, problem.get("input_testcases"));
    GIMBAL_TRY(const auto members, tests.members());
    for (std::size_t i = 0; i < programs.size(); ++i) {
      for (std::size_t t = 0; t < std::min(inputs, members.size()); ++t) {
        CorpusCase one;
        one.name = fmt::format("{} program {} input {}", id, i, t);
        one.program = programs[i];
        GIMBAL_TRY(one.stdin_bytes, members[t].second.string());
        cases.push_back(std::move(one));
      }
    }
  }
  return cases;
}

void expect_equal(const std::string& path, std::size_t inputs, std::size_t expected) {
  std::string problem;
  std::optional<PoolOptions> options = pool_options(Isolation::kForkServer, problem);
  if (!options) GTEST_SKIP() << "skipped: needs a sandbox and CPython 3.8: " << problem;
  options->workers = 2;
  const auto programs = programs_of(path, inputs);
  ASSERT_TRUE(programs.has_value()) << programs.error().text();
  EXPECT_EQ(programs->size(), expected * inputs);
  const auto report = compare_isolations(*options, *programs, {});
  ASSERT_TRUE(report.has_value()) << report.error().text();
  std::vector<std::string> notes = report->notes;
  // The fork server compiles a program once, before its tests: what the compiler warns about is on no test's stderr.
  std::erase_if(notes, [](const std::string& note) { return note.find("SyntaxWarning") != std::string::npos; });
  EXPECT_THAT(notes, ::testing::IsEmpty());
}

TEST(IsolationsAreEqual, OnTheVariantsOfHumanEval) { expect_equal("data/diversity/variants.jsonl.gz", 2, 240); }

TEST(IsolationsAreEqual, OnProgramsOfPeople) {
  GIMBAL_TEST_DATA(path, "diversity/directed-v9.jsonl.gz");
  expect_equal(path, 1, 1276);
}

}  // namespace
}  // namespace gimbal::sandbox
