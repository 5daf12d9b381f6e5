#include "gimbal/reward/code_runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/reward/code_extract.h"
#include "gimbal/sandbox/capabilities.h"

namespace gimbal::reward {
namespace {

// One runner for the whole program: a start costs a tenth of a second. Null where there is no sandbox.
CodeRunner* shared_runner(std::string& problem) {
  static std::string why;
  static std::optional<CodeRunner> runner = []() -> std::optional<CodeRunner> {
    const auto python = sandbox::find_python();
    const auto found = sandbox::probe();
    if (!python || !found) return why = "no python or no probe", std::nullopt;
    const auto confinement = sandbox::resolve_policy(sandbox::PolicyKind::kFull, *found);
    if (!confinement) return why = confinement.error().text(), std::nullopt;
    CodeRunnerOptions options;
    options.python = *python;
    options.confinement = *confinement;
    options.limits.wall_ms = 10'000;
    options.limits.cpu_ms = 2000;
    options.workers = 2;
    options.equivalence = *OutputEquivalence::parse("trim");
    auto started = CodeRunner::start(options);
    if (!started) return why = started.error().text(), std::nullopt;
    return std::move(*started);
  }();
  problem = why;
  return runner ? &*runner : nullptr;
}

class CodeRunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string problem;
    runner_ = shared_runner(problem);
    if (runner_ == nullptr) GTEST_SKIP() << "skipped: needs the full sandbox and CPython 3.8: " << problem;
  }
  static CodeTask task(const std::string& record) {
    const auto parsed = parse_code_task(*parse_json(record, "task"));
    EXPECT_TRUE(parsed.has_value()) << parsed.error().text();
    return *parsed;
  }
  CodeOutcome run(const CodeTask& what, const std::string& program, ExecutionMode mode = ExecutionMode::kSplit) {
    const auto outcome = runner_->run(what, program, mode, true, {});
    EXPECT_TRUE(outcome.has_value()) << outcome.error().text();
    return outcome ? *outcome : CodeOutcome{};
  }
  Reason reason(const CodeTask& what, const std::string& program, ExecutionMode mode = ExecutionMode::kSplit) {
    return run(what, program, mode).reason;
  }
  CodeRunner* runner_ = nullptr;
};

const char* const kTwice = R"json({"task_id":"t","test_list":["assert twice(2) == 4","assert twice('a') == 'aa'",
  "assert twice((1, 2)) == (1, 2, 1, 2)"]
})json";

TEST_F(CodeRunnerTest, CountsTheTestsThatPassAndDescribesTheFirstFailure) {
  const CodeTask t = task(kTwice);
  EXPECT_EQ(reason(t, "def twice(x): return x * 2"), Reason::kEqual);
  const CodeOutcome wrong = run(t, "def twice(x): return x + x if x != 'a' else 'b'");
  EXPECT_EQ(wrong.reason, Reason::kDifferent);
  EXPECT_EQ(wrong.passed, 2u);
  EXPECT_EQ(wrong.total, 3u);
  ASSERT_TRUE(wrong.failure.has_value());
  EXPECT_EQ(wrong.failure->index, 1u);
  EXPECT_EQ(wrong.failure->test, "assert twice('a') == 'aa'");
  EXPECT_EQ(wrong.failure->got, "'b'");
  EXPECT_EQ(wrong.failure->expected, "'aa'");
}

TEST_F(CodeRunnerTest, SaysWhyACandidateCannotBeTested) {
  const CodeTask t = task(kTwice);
  EXPECT_EQ(reason(t, "def twice(x) return"), Reason::kSyntaxError);
  EXPECT_EQ(reason(t, "import no_such_module_here"), Reason::kMissingModule);
  EXPECT_EQ(reason(t, "1 / 0"), Reason::kRuntimeError);
  EXPECT_EQ(reason(t, "x = 1"), Reason::kMissingEntry);
  EXPECT_EQ(reason(t, "def twice(x): raise ValueError(x)"), Reason::kRuntimeError);
  EXPECT_EQ(reason(t, "def twice(x): return (i for i in ())"), Reason::kNotPlain);
  EXPECT_EQ(reason(t, "def twice(x):\n  while True: pass"), Reason::kTimeoutCpu);
  EXPECT_EQ(reason(t, "def twice(x): return [0] * 10**10"), Reason::kRuntimeError);
  EXPECT_EQ(reason(t, "while True: print('x' * 10**5)"), Reason::kOutputLimit);
}

TEST_F(CodeRunnerTest, CarriesEveryPlainValueThereAndBack) {
  const CodeTask t =
      task(R"json({"task_id":"t","test_setup_code":"import math, datetime, decimal, fractions, collections","test_list":[
    "for v in (None, True, 7, -10**5000, 1.5, math.inf, 1e-300, 2j, 'a\u00e9', b'\\x00\\xff', [1, [2]], (1,), {'a': (1, {2: 3})}, {1, (2, 3)}, frozenset({4}), range(1, 9, 2)): assert same(v) == v and type(same(v)) is type(v), v",
    "assert math.isnan(same(math.nan))",
    "for v in (decimal.Decimal('1.50'), fractions.Fraction(1, 3), datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 6), datetime.timedelta(1, 2, 3)): assert same(v) == v and type(same(v)) is type(v), v",
    "assert type(same(collections.Counter('aab'))) is dict and same(collections.Counter('aab')) == {'a': 2, 'b': 1}",
    "assert same(x=[1.0, 2]) == [1, 2]"]})json");
  const CodeOutcome outcome = run(t, "def same(x): return x");
  EXPECT_EQ(outcome.reason, Reason::kEqual) << outcome.failure->message << " in " << outcome.failure->test;
}

TEST_F(CodeRunnerTest, RaisesOrdinaryExceptionsOfTheCandidateInTheTests) {
  const CodeTask t = task(
      R"json({"task_id":"t","test_list":["try:\n  f(1)\n  assert False\nexcept KeyError as e:\n  assert 'k' in str(e)"]})json");
  EXPECT_EQ(reason(t, "class Mine(KeyError): pass\ndef f(x): raise Mine('k')"), Reason::kEqual);
  EXPECT_NE(reason(t, "def f(x): raise TypeError('k')"), Reason::kEqual);
}

TEST_F(CodeRunnerTest, HidesChangesInPlaceFromTestsUnlessTheyRunInProcess) {
  const CodeTask t = task(R"json({"task_id":"t","test_list":["a = [3, 1]\norder(a)\nassert a == [1, 3]"]})json");
  EXPECT_EQ(reason(t, "def order(a): a.sort()"), Reason::kDifferent);
  EXPECT_EQ(reason(t, "def order(a): a.sort()", ExecutionMode::kInProcess), Reason::kEqual);
  EXPECT_EQ(reason(t, "def order(a): pass", ExecutionMode::kInProcess), Reason::kDifferent);
}

TEST_F(CodeRunnerTest, InProcessTheSetupMayUseWhatTheProgramDefines) {
  const CodeTask t =
      task(R"json({"task_id":"t","test_setup_code":"leaf = Node(3)","test_list":["assert value(leaf) == 3"]})json");
  const char* program = "class Node:\n  def __init__(self, v): self.v = v\ndef value(n): return n.v";
  EXPECT_NE(reason(t, program), Reason::kEqual);
  EXPECT_EQ(reason(t, program, ExecutionMode::kInProcess), Reason::kEqual);
  EXPECT_NE(reason(t, "class Node:\n  def __init__(self, v): pass\ndef value(n): return 4", ExecutionMode::kInProcess),
            Reason::kEqual);
}

TEST_F(CodeRunnerTest, NeedsTheTokenInProcessWhateverTheExitCode) {
  const CodeTask t = task(kTwice);
  for (const char* cheat :
       {"import os\nos._exit(0)", "import sys\nsys.exit(0)", "import os\ndef twice(x): os._exit(0)",
        "import sys\ndef twice(x): sys.exit(0)", "print('{\"passed\": 3, \"total\": 3}')\ndef twice(x): return 0",
        "import os\ndef twice(x):\n  os.write(4, b'\\x05\\x00\\x00\\x00' + b'{}{}{}')\n  os._exit(0)"}) {
    EXPECT_NE(reason(t, cheat, ExecutionMode::kInProcess), Reason::kEqual) << cheat;
  }
}

TEST_F(CodeRunnerTest, ComparesResultsWithTheReferencesWithinTheTolerance) {
  const CodeTask t =
      task(R"json({"task_id":"t","prompt":"def third(x):\n","entry_point":"third","canonical_solution":"    return x / 3\n",
    "inputs":[[1],[2.5]],"atol":0.001})json");
  EXPECT_EQ(reason(t, "def third(x): return round(x / 3, 4)"), Reason::kEqual);
  EXPECT_EQ(reason(t, "def third(x): return round(x / 3, 1)"), Reason::kDifferent);
  EXPECT_EQ(reason(t, "def third(x): return float('nan')"), Reason::kDifferent);
}

TEST_F(CodeRunnerTest, ComparesOutputsOfProgramsWithInput) {
  const CodeTask t = task(R"json({"task_id":"t","inputs":["1 2\n","3 4\n"],"outputs":["3","7"]})json");
  EXPECT_EQ(reason(t, "print(sum(map(int, input().split())))"), Reason::kEqual);
  const CodeOutcome half = run(t, "print(3)");
  EXPECT_EQ(half.reason, Reason::kDifferent);
  EXPECT_EQ(half.passed, 1u);
  EXPECT_EQ(reason(t, "import os\nos._exit(0)"), Reason::kDifferent);
}

TEST_F(CodeRunnerTest, LetsNoCheatOfTheCorpusPass) {
  const auto text = read_file("tests/corpus/reward/code_hacks.jsonl");
  ASSERT_TRUE(text.has_value()) << text.error().text();
  // A task that is easy to cheat where candidate and tests share a process: several forms of tests, exceptions among them.
  const CodeTask t = task(R"json({"task_id":"t","test_setup_code":"import math","test_list":[
    "assert all(map(lambda p: add(*p) == p[0] + p[1], [(2, 3), (5, 7), (-1, 9)]))",
    "for a in range(3):\n  assert abs(add(a, 0.5) - (a + 0.5)) < 1e-9",
    "try:\n  r = add(4, 4)\nexcept:\n  r = 8\nassert r == 8",
    "assert add([1], [2]) == [1, 2]"]})json");
  ASSERT_EQ(reason(t, "def add(a, b): return a + b"), Reason::kEqual);
  std::size_t hacks = 0;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.empty()) continue;
    const auto hack = parse_json(line, "hack");
    ASSERT_TRUE(hack.has_value());
    ++hacks;
    EXPECT_NE(reason(t, hack->at("solution").get<std::string>()), Reason::kEqual) << hack->at("name");
  }
  EXPECT_GE(hacks, 15u);
}

std::map<std::string, CodeTask> human_eval() {
  const auto tasks = read_code_tasks("data/reward/HumanEval.jsonl.gz");
  EXPECT_TRUE(tasks.has_value()) << tasks.error().text();
  return tasks ? *tasks : std::map<std::string, CodeTask>();
}

TEST_F(CodeRunnerTest, PassesEveryReferenceOfHumanEvalSplitAndNoEmptySolution) {
  const auto tasks = human_eval();
  ASSERT_EQ(tasks.size(), 164u);
  std::vector<const CodeTask*> list;
  for (const auto& [id, t] : tasks) list.push_back(&t);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < list.size(); i = next++) {
      EXPECT_EQ(reason_name(reason(*list[i], list[i]->reference)), "equal") << list[i]->id;
      EXPECT_NE(reason(*list[i], list[i]->prompt + "    pass\n"), Reason::kEqual) << list[i]->id;
    }
  };
  const std::jthread other(work);
  work();
}

TEST_F(CodeRunnerTest, LetsNoCheatOfHumanEvalPass) {
  const auto tasks = human_eval();
  const auto text = read_file("data/reward/hacks.jsonl");
  ASSERT_TRUE(text.has_value()) << text.error().text();
  std::size_t hacks = 0;
  for (const std::string_view line : split(*text, '\n')) {
    if (line.empty()) continue;
    const auto hack = parse_json(line, "hack");
    ASSERT_TRUE(hack.has_value());
    const CodeTask& t = tasks.at(hack->at("task_id").get<std::string>());
    const std::string solution = hack->at("solution").get<std::string>();
    EXPECT_NE(reason(t, solution), Reason::kEqual) << line;
    EXPECT_NE(reason(t, complete_program(t.prompt, t.entry, solution).value_or("")), Reason::kEqual) << line;
    ++hacks;
  }
  EXPECT_EQ(hacks, 24u);
}

}  // namespace
}  // namespace gimbal::reward
