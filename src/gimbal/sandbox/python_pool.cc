#include "gimbal/sandbox/python_pool.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "gimbal/base/parallel.h"
#include "gimbal/sandbox/python_worker.h"

namespace gimbal::sandbox {

std::string_view isolation_name(Isolation isolation) { return isolation == Isolation::kForkServer ? "fork-server" : "process"; }

struct PythonPool::State {
  struct Job {
    std::string program;
    std::vector<TestInput> tests;
    RunFlags flags;
    StopToken stop;
    Done done;
  };

  explicit State(PoolOptions given) : options(std::move(given)) {}

  ~State() {
    threads.clear();  // asks every thread to stop, then waits
    for (Job& job : jobs) {
      std::vector<TestResult> cancelled(job.tests.size());
      for (std::size_t i = 0; i < cancelled.size(); ++i) {
        cancelled[i].id = job.tests[i].id;
        cancelled[i].status = Status::kCancelled;
      }
      job.done(std::move(cancelled));
    }
  }

  void work(int number, const StopToken& closing) {
    PythonWorker worker(options, options.first_worker + number, counters);
    for (;;) {
      Job job;
      {
        std::unique_lock lock(mutex);
        if (!wake.wait(lock, closing, [&] { return !jobs.empty(); })) return;
        job = std::move(jobs.front());
        jobs.pop_front();
      }
      // Either the caller's wish or the pool's end stops the job.
      std::stop_source either;
      const std::stop_callback from_caller(job.stop, [&] { either.request_stop(); });
      const std::stop_callback from_pool(closing, [&] { either.request_stop(); });
      const auto begin = std::chrono::steady_clock::now();
      auto results = worker.run(job.program, job.tests, job.flags, either.get_token());
      std::chrono::duration<double, std::micro> around = std::chrono::steady_clock::now() - begin;
      if (results) {
        for (const TestResult& result : *results) around -= std::chrono::duration<double, std::milli>(result.wall_ms);
        counters.around_us += static_cast<std::int64_t>(around.count());
      }
      job.done(std::move(results));
    }
  }

  const PoolOptions options;
  PoolCounters counters;
  std::mutex mutex;
  std::condition_variable_any wake;
  std::deque<Job> jobs;
  std::vector<std::jthread> threads;
};

PythonPool::PythonPool(std::unique_ptr<State> state) : state_(std::move(state)) {}
PythonPool::PythonPool(PythonPool&&) noexcept = default;
PythonPool& PythonPool::operator=(PythonPool&&) noexcept = default;

PythonPool::~PythonPool() = default;

Result<PythonPool> PythonPool::start(PoolOptions options) {
  GIMBAL_TRY(check_limits(options.ceiling));
  if (options.workers <= 0) options.workers = hardware_threads();
  auto state = std::make_unique<State>(std::move(options));
  for (int i = 0; i < state->options.workers; ++i) {
    state->threads.emplace_back([raw = state.get(), i](const StopToken& closing) { raw->work(i, closing); });
  }
  return PythonPool(std::move(state));
}

void PythonPool::submit(std::string program, std::vector<TestInput> tests, RunFlags flags, StopToken stop, Done done) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->jobs.push_back({std::move(program), std::move(tests), std::move(flags), std::move(stop), std::move(done)});
  }
  state_->wake.notify_one();
}

Result<std::vector<TestResult>> PythonPool::run(const std::string& program, std::span<const TestInput> tests,
                                                const RunFlags& flags, StopToken stop) {
  std::promise<Result<std::vector<TestResult>>> promise;
  auto future = promise.get_future();
  submit(program, {tests.begin(), tests.end()}, flags, std::move(stop),
         [&promise](Result<std::vector<TestResult>> results) { promise.set_value(std::move(results)); });
  return future.get();
}

int PythonPool::workers() const { return state_->options.workers; }

PoolStats PythonPool::stats() const {
  return {state_->counters.executions.load(), state_->counters.restarts.load(),
          static_cast<double>(state_->counters.around_us.load()) / 1000};
}

}  // namespace gimbal::sandbox
