// Parallel loops whose results have the same bits for any number of threads.
//
// The range is cut into chunks that depend on n and grain alone; partial sums are combined in chunk order. oneTBB runs the
// chunks (std::thread in the ThreadSanitizer build, for which oneTBB is not built).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "gimbal/base/clock.h"

namespace gimbal {

// Limits the threads used while it lives; 0 means all of the machine's. `main` makes one from --threads; tests nest them.
class ThreadLimit {
 public:
  explicit ThreadLimit(int threads);
  ~ThreadLimit();
  ThreadLimit(const ThreadLimit&) = delete;
  ThreadLimit& operator=(const ThreadLimit&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};
int thread_count();  // threads that a loop may use now
int hardware_threads();

// Calls body(begin, end) for consecutive chunks of [0, n), each of `grain` elements (the last may be shorter). Exceptions of
// the body reach the caller. grain >= 1.
void parallel_for(std::size_t n, std::size_t grain, const std::function<void(std::size_t begin, std::size_t end)>& body);
// Skips chunks that have not begun once a stop is requested; returns whether all ran.
bool parallel_for(std::size_t n, std::size_t grain, const StopToken& stop,
                  const std::function<void(std::size_t begin, std::size_t end)>& body);

// Sum of f(i) over [0, n), compensated inside chunks of 4096 and combined in order.
double parallel_sum(std::size_t n, const std::function<double(std::size_t)>& f);

// Compensated summation (Neumaier 1974): the error does not grow with the number of terms.
class NeumaierSum {
 public:
  void add(double x) {
    const double t = sum_ + x;
    if ((sum_ < 0 ? -sum_ : sum_) >= (x < 0 ? -x : x))
      compensation_ += (sum_ - t) + x;
    else
      compensation_ += (x - t) + sum_;
    sum_ = t;
  }
  void add(const NeumaierSum& other) {
    add(other.sum_);
    compensation_ += other.compensation_;
  }
  double value() const { return sum_ + compensation_; }
  NeumaierSum& operator+=(double x) {
    add(x);
    return *this;
  }

 private:
  double sum_ = 0;
  double compensation_ = 0;
};

}  // namespace gimbal
