#include <atomic>
#include <cstdlib>
#include <thread>

#include "gimbal/diversity/runner_test_support.h"
#include "support/test_data.h"

namespace gimbal::diversity {
namespace {

using sandbox::Isolation;

TEST_F(VariantsTest, AllProblemsEqualTheIndependentRunnerWithOneWorker) { expect_variants(); }

TEST_F(VariantsTest, AllProblemsEqualTheIndependentRunnerWithEightWorkers) {
  start(8);
  if (!pool_) return;
  expect_variants();
}

// Programs that people wrote (reference data). All of it is 71,600 executions and several programs that run into the CPU limit,
// a few minutes a pass: GIMBAL_DIRECTED=all takes the whole set, otherwise some problems stand for it.
class DirectedTest : public StudyTest {
 protected:
  void expect_directed(std::vector<std::string> some) {
    GIMBAL_TEST_DATA(study, "diversity/directed-v9.jsonl.gz");
    GIMBAL_TEST_DATA(results, "diversity/directed-v9-expected.json");
    const char* whole = std::getenv("GIMBAL_DIRECTED");
    if (whole != nullptr && std::string_view(whole) == "all") some.clear();
    expect_study(study, results, some);
  }
};

TEST_F(DirectedTest, EqualsTheIndependentRunnerWithOneWorker) { expect_directed({"p02641", "p02888"}); }

TEST_F(DirectedTest, EqualsTheIndependentRunnerWithEightWorkersUnderLoad) {
  start(8);
  if (!pool_) return;
  std::atomic<bool> end = false;
  std::vector<std::jthread> load;
  for (int i = 0; i < 4; ++i) {
    load.emplace_back([&end] {
      while (!end) {
      }
    });
  }
  expect_directed({"p00575", "p02641"});
  end = true;
}

TEST_F(DirectedTest, EqualsTheIndependentRunnerInFreshProcesses) {
  start(2, Isolation::kProcess);
  if (!pool_) return;
  expect_directed({"p02641"});
}

}  // namespace
}  // namespace gimbal::diversity
