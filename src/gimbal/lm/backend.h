// A model that answers one sample at a time, and the pool that makes a LanguageModel of it: calls in parallel, retried, paced.
//
// Retrying stands below the batch, not around it: a server that is gone ends a batch after the attempts of one sample, not of
// all.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "gimbal/lm/language_model.h"

namespace gimbal::lm {

struct Failure {
  Error error;
  bool transient = false;     // may succeed when tried again
  bool rate_limited = false;  // the server asks for fewer requests
  double wait_s = 0;          // at least, before the next attempt
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual ModelInfo info() const = 0;
  // Blocks; any number of threads at a time. `k` is the sample that is wanted; the caller sets Output's request and k.
  virtual tl::expected<Output, Failure> call(const Request& request, int k, const StopToken& stop) = 0;
};

struct PoolOptions {
  int max_concurrency = 8;
  int attempts = 6;
  // Told of a failed attempt that will be made again after `seconds`, by any thread.
  std::function<void(const Error& error, double seconds)> on_retry = {};
  // Blocks for so long or until the stop; tests put in their own.
  std::function<void(double seconds, const StopToken& stop)> sleep = {};
};

// The delay before attempt n + 1, n from 0: min(60, 0.5 2^n) u seconds, u in [0.5, 1]; or, when larger, what the server asks
// for, at most 120.
double retry_delay(int attempt, double u, double wait_s);

// Calls in flight: begins with `max_concurrency`, halves when the server asks for fewer, grows by one after 20 answers
// (additive increase, multiplicative decrease).
class PooledModel final : public LanguageModel {
 public:
  PooledModel(std::unique_ptr<Backend> backend, PoolOptions options);
  ~PooledModel() override;
  ModelInfo info() const override;
  Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) override;

 private:
  struct Work;
  std::unique_ptr<Backend> backend_;
  PoolOptions options_;
};

}  // namespace gimbal::lm
