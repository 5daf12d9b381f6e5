#include "gimbal/reward/types.h"

#include <array>
#include <nlohmann/json.hpp>

#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"

namespace gimbal::reward {

std::string_view reason_name(Reason reason) {
  switch (reason) {
    case Reason::kEqual:
      return "equal";
    case Reason::kEqualString:
      return "equal_string";
    case Reason::kEqualNumeric:
      return "equal_numeric";
    case Reason::kEqualSymbolic:
      return "equal_symbolic";
    case Reason::kDifferent:
      return "different";
    case Reason::kNoAnswer:
      return "no_answer";
    case Reason::kUnparsable:
      return "unparsable";
    case Reason::kAmbiguous:
      return "ambiguous";
    case Reason::kFormat:
      return "format";
    case Reason::kTooLong:
      return "too_long";
    case Reason::kNoCode:
      return "no_code";
    case Reason::kSyntaxError:
      return "syntax_error";
    case Reason::kMissingEntry:
      return "missing_entry";
    case Reason::kMissingModule:
      return "missing_module";
    case Reason::kRuntimeError:
      return "runtime_error";
    case Reason::kTimeoutCpu:
      return "timeout_cpu";
    case Reason::kTimeoutWall:
      return "timeout_wall";
    case Reason::kMemory:
      return "memory";
    case Reason::kOutputLimit:
      return "output_limit";
    case Reason::kProcessLimit:
      return "process_limit";
    case Reason::kForbidden:
      return "forbidden";
    case Reason::kKilled:
      return "killed";
    case Reason::kNotPlain:
      return "not_plain";
    case Reason::kEndedEarly:
      return "ended_early";
    case Reason::kBadTask:
      return "bad_task";
    case Reason::kExternal:
      return "external";
    case Reason::kUndecided:
      return "undecided";
  }
  return "different";
}

std::string_view reason_text(const Score& score) { return score.detail.empty() ? reason_name(score.reason) : score.detail; }
std::string_view reason_text(const Part& part) { return part.detail.empty() ? reason_name(part.reason) : part.detail; }

Score verdict(bool passed, Reason reason, std::string extracted, std::string gold) {
  Score score;
  score.value = passed ? 1.0 : 0.0;
  score.passed = passed;
  score.reason = reason;
  score.extracted = std::move(extracted);
  score.gold = std::move(gold);
  return score;
}

Result<std::vector<Score>> ItemVerifier::score(std::span<const Item> items, StopToken stop) {
  for (const Item& item : items) GIMBAL_TRY(check(item));
  std::vector<Score> scores(items.size());
  // 32 items: enough work to pay for a task, few enough that a slow item holds up few others.
  const bool all = parallel_for(items.size(), 32, stop, [&](std::size_t begin, std::size_t end) {
    const RealClock clock;
    double before = clock.monotonic_s();
    for (std::size_t i = begin; i < end; ++i) {
      scores[i] = score_one(items[i]);
      const double now = clock.monotonic_s();
      scores[i].time_ms = (now - before) * 1000;
      before = now;
    }
  });
  if (!all) return fail(ErrorCode::kInterrupted, "stopped while answers were being scored");
  return scores;
}

namespace {

std::string text_of(const Json& value) { return value.is_string() ? value.get_ref<const std::string&>() : to_text(value); }

}  // namespace

Result<std::vector<std::string>> gold_values(const Json* record) {
  static constexpr std::array<const char*, 5> kFields = {"answer", "solution", "ground_truth", "target", "gold"};
  if (record != nullptr && record->is_object()) {
    for (const char* field : kFields) {
      const auto found = record->find(field);
      if (found == record->end() || found->is_null()) continue;
      std::vector<std::string> values;
      if (found->is_array()) {
        for (const Json& item : *found) values.push_back(text_of(item));
        if (values.empty()) return fail(ErrorCode::kInvalidArgument, "\"{}\" is an empty list: expected a gold answer", field);
      } else {
        values.push_back(text_of(*found));
      }
      return values;
    }
  }
  std::vector<std::string> seen;
  if (record != nullptr && record->is_object()) {
    for (const auto& [key, value] : record->items()) seen.push_back(gimbal::quoted(key));
  }
  return fail(ErrorCode::kInvalidArgument,
              "no gold answer: expected one of answer, solution, ground_truth, target, gold; found {}",
              seen.empty() ? "no fields" : list_some(seen, 8));
}

}  // namespace gimbal::reward
