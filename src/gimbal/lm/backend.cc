#include "gimbal/lm/backend.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/lm/request_json.h"

namespace gimbal::lm {
namespace {

void wait_for(double seconds, const StopToken& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, std::chrono::duration<double>(seconds), [] { return false; });
}

}  // namespace

double retry_delay(int attempt, double u, double wait_s) {
  const double backoff = std::min(60.0, 0.5 * static_cast<double>(std::int64_t{1} << std::min(attempt, 20)));
  return std::max(backoff * (0.5 + 0.5 * u), std::min(wait_s, 120.0));
}

PooledModel::PooledModel(std::unique_ptr<Backend> backend, PoolOptions options)
    : backend_(std::move(backend)), options_(std::move(options)) {
  if (!options_.sleep) options_.sleep = wait_for;
}
PooledModel::~PooledModel() = default;

ModelInfo PooledModel::info() const { return backend_->info(); }

// The state of one generate().
struct PooledModel::Work {
  std::span<const Request> requests;
  std::vector<std::pair<std::size_t, int>> samples;  // request and k, in order
  std::size_t next = 0;
  int limit = 1, in_flight = 0, successes = 0;
  std::optional<Error> error;
  std::mutex mutex;  // of the above, and of the sink
  std::condition_variable changed;
  std::stop_source ended;  // by an error or by the caller

  void end_with(Error failure) {
    if (!error) error = std::move(failure);
    ended.request_stop();
    changed.notify_all();
  }
  void answered() {
    if (++successes % 20 == 0) ++limit;
  }
  void slow_down() {
    limit = std::max(1, limit / 2);
    successes = 0;
  }
};

Result<void> PooledModel::generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) {
  Work work;
  work.requests = requests;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    for (const int k : requests[i].samples) work.samples.emplace_back(i, k);
  }
  work.limit = options_.max_concurrency;
  const std::stop_callback from_caller(stop, [&] {
    const std::lock_guard lock(work.mutex);
    work.end_with(Error{ErrorCode::kInterrupted, "interrupted while the model was answering", {}, {}});
  });

  const auto run_one = [&](std::size_t request, int k) {
    // Jitter is keyed like everything random: the same run waits alike.
    Stream jitter(requests[request].seed, "lm.retry", requests[request].id, k);
    for (int attempt = 0;; ++attempt) {
      auto answer = backend_->call(requests[request], k, work.ended.get_token());
      std::unique_lock lock(work.mutex);
      if (work.ended.stop_requested() && !answer) return;
      if (answer) {
        work.answered();
        answer->request = request;
        answer->k = k;
        answer->usage.attempts = attempt + 1;
        if (auto taken = sink(std::move(*answer)); !taken) work.end_with(std::move(taken).error());
        return;
      }
      Failure failure = std::move(answer).error();
      if (failure.rate_limited) work.slow_down();
      if (!failure.transient || attempt + 1 >= options_.attempts) {
        if (attempt > 0) failure.error.notes.push_back(fmt::format("tried {} times", attempt + 1));
        work.end_with(std::move(failure.error));
        return;
      }
      lock.unlock();
      const double seconds = retry_delay(attempt, jitter.uniform(), failure.wait_s);
      if (options_.on_retry) options_.on_retry(failure.error, seconds);
      options_.sleep(seconds, work.ended.get_token());
      if (work.ended.stop_requested()) return;
    }
  };
  const auto worker = [&] {
    std::unique_lock lock(work.mutex);
    while (true) {
      work.changed.wait(
          lock, [&] { return work.ended.stop_requested() || work.next == work.samples.size() || work.in_flight < work.limit; });
      if (work.ended.stop_requested() || work.next == work.samples.size()) return;
      const auto [request, k] = work.samples[work.next++];
      ++work.in_flight;
      lock.unlock();
      run_one(request, k);
      lock.lock();
      --work.in_flight;
      work.changed.notify_all();
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(options_.max_concurrency), work.samples.size());
    for (std::size_t i = 0; i < count; ++i) threads.emplace_back(worker);
  }
  if (work.error) return fail(std::move(*work.error));
  return {};
}

}  // namespace gimbal::lm
