// What running one program on the tests of its task showed, and what follows from it: is it valid, is it correct, and which
// behaviour is it. Everything here is pure: rules are applied to stored outcomes, so another rule needs no second run.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/tasks.h"
#include "gimbal/reward/output_equivalence.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::diversity {

using sandbox::Status;

struct TestOutcome {
  Status status = Status::kNotRun;
  std::string output = {};  // standard output, as bytes
  std::optional<std::string> message = {};
  double cpu_ms = 0, wall_ms = 0;
};

struct Outcome {
  Status status = Status::kOk;                  // of the first failing test; before any: empty, not_text, no_code
  std::optional<std::size_t> failed_test = {};  // its index
  std::optional<std::string> message = {};      // what it said
  std::vector<TestOutcome> tests = {};          // one a test of the task, in order
  bool has_token = true;                        // the program is more than comments and white space
  bool nondeterministic = false;                // another run behaved differently
  double cpu_ms = 0, wall_ms = 0;               // sums over tests
};

// Sets status, failed_test, message and times from `tests`.
void summarize(Outcome& outcome);

// How many tests there are, were run, ended ok, were answered as expected, and printed more than white space.
struct TestCounts {
  int n = 0, run = 0, ok = 0;
  std::optional<int> correct = {};  // none without expected outputs and assertions
  int nonempty = 0;
};
TestCounts count_tests(const Outcome& outcome, const Task& task, const reward::OutputEquivalence& equivalence);
// All tests that say what they expect are answered as expected; nullopt where none does.
std::optional<bool> is_correct(const TestCounts& counts, const Task& task);

// Which generations count.
class ValidityRule {
 public:
  enum class Kind { kNoError, kNonemptyProgram, kNonemptyOutput, kAllTestsPass, kScore };
  // no-error, nonempty-program, nonempty-output, all-tests-pass, score:T (share of the tests answered as expected at least T).
  // Errors: usage.
  static Result<ValidityRule> parse(std::string_view text);
  Kind kind() const { return kind_; }
  const std::string& text() const { return text_; }
  bool needs_expected() const { return kind_ == Kind::kAllTestsPass || kind_ == Kind::kScore; }
  // From what a record keeps of an outcome.
  bool accepts(Status status, const TestCounts& counts, bool has_token) const;

 private:
  Kind kind_ = Kind::kNoError;
  double threshold_ = 0;
  std::string text_ = "no-error";
};

// The behaviour as text: for each test its output's key, or the status where it failed. Two outcomes with equal texts behave
// identically, invalid ones included.
std::string behaviour_key(const Outcome& outcome, const Task& task, const reward::OutputEquivalence& equivalence);

// Gives each valid outcome its class, numbered in order of first appearance. With an equivalence that is not transitive an
// outcome joins the first class whose first member it equals test by test; otherwise equal keys are one class.
class BehaviourClasses {
 public:
  BehaviourClasses(const Task& task, const reward::OutputEquivalence& equivalence) : task_(&task), equivalence_(&equivalence) {}
  int add(const Outcome& outcome, const std::string& key);

 private:
  bool same(const Outcome& a, const Outcome& b) const;
  const Task* task_;
  const reward::OutputEquivalence* equivalence_;
  std::unordered_map<std::string, int> by_key_;
  std::vector<Outcome> first_;  // members; only where classes depend on the order
};

}  // namespace gimbal::diversity
