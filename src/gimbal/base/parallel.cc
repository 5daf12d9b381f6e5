#include "gimbal/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "gimbal/base/check.h"

#ifndef GIMBAL_PARALLEL_STD_THREAD
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#endif

namespace gimbal {
namespace {

#ifndef GIMBAL_PARALLEL_STD_THREAD
// Tests ask for more threads than the machine has cores. oneTBB takes the least of all such controls, so there is one for good;
// it starts no thread, and arenas still use no more than they were made for.
void allow_more_threads_than_cores() {
  static const tbb::global_control control(tbb::global_control::max_allowed_parallelism, 256);
}
#endif

// The limit in force. Making one starts no thread: oneTBB does that at the first loop of more than one chunk.
struct Limit {
  explicit Limit(int count) : threads(count) {
#ifndef GIMBAL_PARALLEL_STD_THREAD
    if (threads > hardware_threads()) allow_more_threads_than_cores();
    arena.initialize(threads);
#endif
  }
  int threads;
#ifndef GIMBAL_PARALLEL_STD_THREAD
  tbb::task_arena arena;
#endif
};

std::atomic<Limit*> limit_in_force{nullptr};

using RunChunk = std::function<void(std::size_t)>;

#ifdef GIMBAL_PARALLEL_STD_THREAD

thread_local bool inside_loop = false;  // nested loops run on the thread that meets them

void run_on_threads(std::size_t chunks, const RunChunk& run_chunk) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr first_exception;
  std::mutex mutex;
  const auto work = [&] {
    inside_loop = true;
    for (std::size_t c = next.fetch_add(1); c < chunks && !failed; c = next.fetch_add(1)) {
      try {
        run_chunk(c);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first_exception) first_exception = std::current_exception();
        failed = true;
      }
    }
    inside_loop = false;
  };
  std::vector<std::jthread> helpers;
  const auto count = std::min<std::size_t>(static_cast<std::size_t>(thread_count()), chunks);
  for (std::size_t t = 1; t < count; ++t) helpers.emplace_back(work);
  work();
  helpers.clear();  // joins
  if (first_exception) std::rethrow_exception(first_exception);
}

bool runs_serially() { return inside_loop; }

#else

void run_on_threads(std::size_t chunks, const RunChunk& run_chunk) {
  // Isolated: a thread that waits for an inner loop must not pick up another chunk of the outer one, whose locks it may hold.
  const auto loop = [&] {
    tbb::this_task_arena::isolate([&] { tbb::parallel_for(std::size_t{0}, chunks, [&](std::size_t c) { run_chunk(c); }); });
  };
  if (Limit* limit = limit_in_force.load())
    limit->arena.execute(loop);
  else
    loop();
}

bool runs_serially() { return false; }

#endif

void run_chunks(std::size_t chunks, const RunChunk& run_chunk) {
  if (chunks <= 1 || thread_count() == 1 || runs_serially()) {
    for (std::size_t c = 0; c < chunks; ++c) run_chunk(c);
    return;
  }
  run_on_threads(chunks, run_chunk);
}

std::size_t count_chunks(std::size_t n, std::size_t grain) {
  GIMBAL_CHECK(grain >= 1, "a parallel loop needs a grain of at least 1");
  return n / grain + (n % grain != 0 ? 1 : 0);
}

}  // namespace

struct ThreadLimit::State {
  explicit State(int threads) : limit(threads) {}
  Limit limit;
  Limit* previous = nullptr;
};

ThreadLimit::ThreadLimit(int threads) : state_(std::make_unique<State>(threads > 0 ? threads : hardware_threads())) {
  GIMBAL_CHECK(threads >= 0, "a thread limit is 0 (all) or more");
  state_->previous = limit_in_force.exchange(&state_->limit);
}

ThreadLimit::~ThreadLimit() { limit_in_force = state_->previous; }

int hardware_threads() {
  static const int count = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return count;
}

int thread_count() {
  const Limit* limit = limit_in_force.load();
  return limit != nullptr ? limit->threads : hardware_threads();
}

void parallel_for(std::size_t n, std::size_t grain, const std::function<void(std::size_t begin, std::size_t end)>& body) {
  run_chunks(count_chunks(n, grain), [&](std::size_t c) { body(c * grain, std::min(n, (c + 1) * grain)); });
}

bool parallel_for(std::size_t n, std::size_t grain, const StopToken& stop,
                  const std::function<void(std::size_t begin, std::size_t end)>& body) {
  std::atomic<bool> skipped{false};
  run_chunks(count_chunks(n, grain), [&](std::size_t c) {
    if (stop.stop_requested()) {
      skipped = true;
      return;
    }
    body(c * grain, std::min(n, (c + 1) * grain));
  });
  return !skipped;
}

double parallel_sum(std::size_t n, const std::function<double(std::size_t)>& f) {
  constexpr std::size_t kGrain = 4096;
  std::vector<NeumaierSum> partial(count_chunks(n, kGrain));
  parallel_for(n, kGrain, [&](std::size_t begin, std::size_t end) {
    NeumaierSum sum;
    for (std::size_t i = begin; i < end; ++i) sum.add(f(i));
    partial[begin / kGrain] = sum;
  });
  NeumaierSum total;
  for (const NeumaierSum& sum : partial) total.add(sum);
  return total.value();
}

}  // namespace gimbal
