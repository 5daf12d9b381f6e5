#include "gimbal/reward/exec.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "gimbal/base/process.h"
#include "gimbal/base/text.h"
#include "gimbal/net/jsonl_process.h"

namespace gimbal::reward {
namespace {

constexpr std::size_t kBatch = 64;
constexpr int kMostEnds = 3;  // in a row

std::string request_of(const Item& item) {
  JsonWriter json;
  json.begin_object().field("prompt", item.prompt).field("completion", item.completion).key("record");
  if (item.record == nullptr) {
    json.null();
  } else {
    json.raw(to_text(*item.record));
  }
  json.end_object();
  return json.take();
}

Error unavailable(Error error) {
  error.code = error.code == ErrorCode::kInterrupted ? ErrorCode::kInterrupted : ErrorCode::kUnavailable;
  return error;
}

Score undecided(std::string detail) {
  Score score;
  score.reason = Reason::kUndecided;
  score.detail = std::move(detail);
  return score;
}

class ExecVerifier final : public Verifier {
 public:
  ExecVerifier(std::string command, const ExecOptions& options)
      : command_(std::move(command)), options_(options), name_("exec:" + command_) {
    for (int i = 0; i < std::max(options.workers, 1); ++i) workers_.push_back(std::make_unique<Worker>());
  }
  std::string_view name() const override { return name_; }
  Result<void> check(const Item&) const override { return {}; }
  Result<std::vector<Score>> score(std::span<const Item> items, StopToken stop) override;

 private:
  struct Worker {
    std::mutex mutex;  // a batch at a time
    std::optional<net::JsonlProcess> process;
    int ends = 0;  // since the last answer
  };

  Result<void> score_batch(Worker& worker, std::span<const Item> items, std::span<Score> scores, const StopToken& stop) const;
  // The places that got no answer.
  Result<std::vector<std::size_t>> ask(Worker& worker, std::span<const Item> items, std::span<const std::size_t> places,
                                       std::span<Score> scores, const StopToken& stop) const;
  Result<Score> read_answer(const Item& item, const JsonView& answer) const;

  const std::string command_;
  const ExecOptions options_;
  const std::string name_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

Result<Score> ExecVerifier::read_answer(const Item& item, const JsonView& answer) const {
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorCode::kUnavailable, "the program {} broke the protocol: {} in its answer to {}, found {}",
                gimbal::quoted(command_), what, gimbal::quoted(item.id), gimbal::quoted(answer.text(), 120));
  };
  const auto reason = answer.string_or("reason", "");
  if (!reason) return refuse("expected a text as \"reason\"");
  if (!answer.has("score")) return undecided(*reason);
  const auto value = answer.number("score");
  if (!value) return refuse("expected a number or null as \"score\"");
  if (!std::isfinite(*value)) return undecided(*reason);
  if (!options_.any_range && (*value < 0 || *value > 1)) {
    return refuse("expected a score from 0 to 1 (--range any takes others)");
  }
  Score score;
  score.value = *value;
  score.passed = *value >= 1;
  score.reason = Reason::kExternal;
  score.detail = *reason;
  return score;
}

Result<std::vector<std::size_t>> ExecVerifier::ask(Worker& worker, std::span<const Item> items,
                                                   std::span<const std::size_t> places, std::span<Score> scores,
                                                   const StopToken& stop) const {
  if (!worker.process) {
    net::JsonlProcessOptions options;
    options.timeout_s = options_.timeout_s;
    options.accept_nan = true;
    options.on_error_line = options_.on_error_line;
    auto started = net::JsonlProcess::start(command_, std::move(options));
    if (!started) return fail(unavailable(std::move(started).error()));
    worker.process.emplace(std::move(*started));
  }
  std::vector<std::string> requests;
  for (const std::size_t place : places) requests.push_back(request_of(items[place]));
  const RealClock clock;
  const double before = clock.monotonic_s();
  const std::vector<Result<JsonView>> answers = worker.process->call_batch(requests, stop);
  const double each_ms = (clock.monotonic_s() - before) * 1000 / static_cast<double>(places.size());
  std::vector<std::size_t> left;
  const Error* why = nullptr;
  for (std::size_t i = 0; i < places.size(); ++i) {
    Score& score = scores[places[i]];
    if (answers[i]) {
      GIMBAL_TRY(score, read_answer(items[places[i]], *answers[i]));
      worker.ends = 0;
    } else {
      const ErrorCode code = answers[i].error().code;
      if (code != ErrorCode::kTimeLimit && code != ErrorCode::kUnavailable) return fail(unavailable(answers[i].error()));
      why = &answers[i].error();
      score = undecided(code == ErrorCode::kTimeLimit ? "timeout" : "crash");
      left.push_back(places[i]);
    }
    score.time_ms = each_ms;
  }
  if (why != nullptr && ++worker.ends >= kMostEnds) {
    Error error = unavailable(*why);
    error.message += fmt::format("; it is the {}rd end in a row without an answer", worker.ends);
    worker.ends = 0;
    worker.process.reset();  // a later score begins anew
    return fail(std::move(error));
  }
  return left;
}

Result<void> ExecVerifier::score_batch(Worker& worker, std::span<const Item> items, std::span<Score> scores,
                                       const StopToken& stop) const {
  const std::lock_guard lock(worker.mutex);
  std::vector<std::size_t> places(items.size());
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  GIMBAL_TRY(const std::vector<std::size_t> left, ask(worker, items, places, scores, stop));
  // A batch of one has told already which item it is.
  if (items.size() == 1) return {};
  for (const std::size_t place : left) GIMBAL_TRY(ask(worker, items, std::span(&place, 1), scores, stop));
  return {};
}

Result<std::vector<Score>> ExecVerifier::score(std::span<const Item> items, StopToken stop) {
  std::vector<Score> scores(items.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> first;
  const auto work = [&](Worker& worker) {
    for (std::size_t begin; (begin = next.fetch_add(kBatch)) < items.size();) {
      const std::size_t size = std::min(kBatch, items.size() - begin);
      auto done = score_batch(worker, items.subspan(begin, size), std::span(scores).subspan(begin, size), stop);
      if (done) continue;
      const std::lock_guard lock(mutex);
      if (!first) first = std::move(done).error();
      next = items.size();
    }
  };
  {
    std::vector<std::jthread> others;
    const std::size_t useful = std::min(workers_.size(), (items.size() + kBatch - 1) / kBatch);
    for (std::size_t i = 1; i < useful; ++i) others.emplace_back([&, i] { work(*workers_[i]); });
    work(*workers_.front());
  }
  if (first) return fail(std::move(*first));
  return scores;
}

class FunctionVerifier final : public Verifier {
 public:
  FunctionVerifier(std::string name, RewardFn function) : name_(std::move(name)), function_(std::move(function)) {}
  std::string_view name() const override { return name_; }
  Result<void> check(const Item&) const override { return {}; }
  Result<std::vector<Score>> score(std::span<const Item> items, StopToken stop) override {
    GIMBAL_TRY(std::vector<Score> scores, function_(items, stop));
    if (scores.size() != items.size()) {
      return fail(ErrorCode::kInternal, "the verifier {} gave {} scores for {} items", name_, scores.size(), items.size());
    }
    for (std::size_t i = 0; i < scores.size(); ++i) {
      if (scores[i].value && !std::isfinite(*scores[i].value)) {
        return fail(ErrorCode::kInternal, "the verifier {} gave a score that is not finite to {}", name_,
                    gimbal::quoted(items[i].id));
      }
    }
    return scores;
  }

 private:
  const std::string name_;
  const RewardFn function_;
};

}  // namespace

Result<std::unique_ptr<Verifier>> make_exec_verifier(std::string_view command, const ExecOptions& options) {
  const std::string_view text = trim(command);
  if (text.empty()) return fail(ErrorCode::kUsage, "expected exec:COMMAND, such as exec:\"python3 judge.py\"");
  GIMBAL_TRY(const std::vector<std::string> words, split_command(text));
  if (words.empty()) return fail(ErrorCode::kUsage, "expected exec:COMMAND, such as exec:\"python3 judge.py\"");
  return std::unique_ptr<Verifier>(std::make_unique<ExecVerifier>(std::string(text), options));
}

std::unique_ptr<Verifier> make_function_verifier(std::string name, RewardFn function) {
  return std::make_unique<FunctionVerifier>(std::move(name), std::move(function));
}

}  // namespace gimbal::reward
