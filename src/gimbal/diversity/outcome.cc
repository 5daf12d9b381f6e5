#include "gimbal/diversity/outcome.h"

#include <algorithm>
#include <array>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

bool was_run(Status status) {
  switch (status) {
    case Status::kNotRun:
    case Status::kCancelled:
    case Status::kEmpty:
    case Status::kNotText:
    case Status::kNoCode:
    case Status::kSyntaxError:
      return false;
    default:
      return true;
  }
}

}  // namespace

void summarize(Outcome& outcome) {
  outcome.cpu_ms = outcome.wall_ms = 0;
  for (std::size_t t = 0; t < outcome.tests.size(); ++t) {
    const TestOutcome& test = outcome.tests[t];
    outcome.cpu_ms += test.cpu_ms;
    outcome.wall_ms += test.wall_ms;
    if (outcome.status != Status::kOk || test.status == Status::kOk) continue;
    outcome.status = test.status;
    outcome.failed_test = t;
    outcome.message = test.message;
  }
}

TestCounts count_tests(const Outcome& outcome, const Task& task, const reward::OutputEquivalence& equivalence) {
  TestCounts counts{.n = static_cast<int>(task.tests.size())};
  const bool expects =
      std::ranges::any_of(task.tests, [](const TaskTest& test) { return test.assertion || test.expected.has_value(); });
  if (expects) counts.correct = 0;
  for (std::size_t t = 0; t < outcome.tests.size(); ++t) {
    const TestOutcome& test = outcome.tests[t];
    const TaskTest& asked = task.tests[t];
    counts.run += was_run(test.status) ? 1 : 0;
    if (test.status != Status::kOk) continue;
    ++counts.ok;
    if (asked.assertion || !trim(test.output).empty()) ++counts.nonempty;
    if (asked.assertion || (asked.expected && equivalence.equal(test.output, *asked.expected))) ++*counts.correct;
  }
  return counts;
}

std::optional<bool> is_correct(const TestCounts& counts, const Task& task) {
  if (!counts.correct) return std::nullopt;
  const auto expecting =
      std::ranges::count_if(task.tests, [](const TaskTest& test) { return test.assertion || test.expected.has_value(); });
  return *counts.correct == expecting;
}

Result<ValidityRule> ValidityRule::parse(std::string_view text) {
  static constexpr auto kWords = std::to_array<std::pair<std::string_view, Kind>>({{"no-error", Kind::kNoError},
                                                                                   {"nonempty-program", Kind::kNonemptyProgram},
                                                                                   {"nonempty-output", Kind::kNonemptyOutput},
                                                                                   {"all-tests-pass", Kind::kAllTestsPass}});
  ValidityRule rule;
  rule.text_ = std::string(text);
  for (const auto& [word, kind] : kWords) {
    if (word != text) continue;
    rule.kind_ = kind;
    return rule;
  }
  if (text.starts_with("score:")) {
    const auto threshold = parse_finite(text.substr(6));
    if (!threshold || *threshold < 0 || *threshold > 1)
      return fail(ErrorCode::kUsage, "expected score:T with T from 0 to 1, found {}", gimbal::quoted(text));
    rule.kind_ = Kind::kScore;
    rule.threshold_ = *threshold;
    return rule;
  }
  static const std::vector<std::string> kNames = {"no-error", "nonempty-program", "nonempty-output", "all-tests-pass",
                                                  "score:T"};
  return fail(ErrorCode::kUsage, "expected {}, found {}{}", join(kNames, ", "), gimbal::quoted(text),
              did_you_mean(text, kNames));
}

bool ValidityRule::accepts(Status status, const TestCounts& counts, bool has_token) const {
  const bool ran = status == Status::kOk;
  switch (kind_) {
    case Kind::kNoError:
      return ran;
    case Kind::kNonemptyProgram:
      return ran && has_token;
    case Kind::kNonemptyOutput:
      return ran && counts.nonempty == counts.n;
    case Kind::kAllTestsPass:
      return ran && counts.correct == counts.n;
    case Kind::kScore:
      return counts.n > 0 && counts.correct && *counts.correct >= threshold_ * counts.n;
  }
  return false;
}

std::string behaviour_key(const Outcome& outcome, const Task& task, const reward::OutputEquivalence& equivalence) {
  // Every part is preceded by its length, so that no output can imitate the border between two.
  std::string key;
  const auto part = [&](char kind, std::string_view text) {
    key += kind + std::to_string(text.size()) + ":";
    key += text;
  };
  if (outcome.tests.empty()) part('s', sandbox::status_name(outcome.status));
  for (std::size_t t = 0; t < outcome.tests.size(); ++t) {
    const TestOutcome& test = outcome.tests[t];
    if (test.status == Status::kOk) {
      part('o', task.tests[t].assertion ? std::string() : equivalence.key(test.output));
    } else {
      part('s', sandbox::status_name(test.status));
    }
  }
  return key;
}

bool BehaviourClasses::same(const Outcome& a, const Outcome& b) const {
  for (std::size_t t = 0; t < a.tests.size(); ++t) {
    if (a.tests[t].status != b.tests[t].status) return false;
    if (!task_->tests[t].assertion && !equivalence_->equal(a.tests[t].output, b.tests[t].output)) return false;
  }
  return true;
}

int BehaviourClasses::add(const Outcome& outcome, const std::string& key) {
  if (!equivalence_->order_dependent()) return by_key_.try_emplace(key, static_cast<int>(by_key_.size())).first->second;
  const auto at = std::ranges::find_if(first_, [&](const Outcome& first) { return same(first, outcome); });
  const auto number = static_cast<int>(at - first_.begin());
  if (at == first_.end()) first_.push_back(outcome);
  return number;
}

}  // namespace gimbal::diversity
