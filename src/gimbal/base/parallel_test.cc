#include "gimbal/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "gimbal/base/check.h"
#include "gimbal/base/random.h"

namespace gimbal {
namespace {

TEST(ParallelFor, VisitsEachIndexOnceInChunksOfTheGrain) {
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    for (const std::size_t n : {0U, 1U, 9U, 10U, 11U, 1000U}) {
      std::vector<std::atomic<int>> visits(n);
      parallel_for(n, 10, [&](std::size_t begin, std::size_t end) {
        EXPECT_EQ(begin % 10, 0U);
        EXPECT_EQ(end, std::min(n, begin + 10));
        for (std::size_t i = begin; i < end; ++i) ++visits[i];
      });
      for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(visits[i], 1) << i << " of " << n;
    }
  }
}

TEST(ParallelFor, UsesNoMoreThreadsThanTheLimit) {
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    std::atomic<int> running{0};
    std::atomic<int> most{0};
    parallel_for(64, 1, [&](std::size_t, std::size_t) {
      const int now = ++running;
      for (int m = most; now > m && !most.compare_exchange_weak(m, now);) {
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      {
        const std::lock_guard lock(mutex);
        seen.insert(std::this_thread::get_id());
      }
      --running;
    });
    EXPECT_LE(most, threads);
    EXPECT_GE(seen.size(), 1U);
    if (threads == 1) {
      EXPECT_EQ(seen, std::set{std::this_thread::get_id()});
    } else {
      EXPECT_GT(most, 1) << threads << " threads never ran two chunks at once";
    }
  }
}

TEST(ParallelFor, HandsTheBodysExceptionToTheCaller) {
  for (const int threads : {1, 8}) {
    const ThreadLimit limit(threads);
    const auto loop = [] {
      parallel_for(100, 1, [](std::size_t begin, std::size_t) {
        if (begin == 57) throw std::runtime_error("chunk 57");
      });
    };
    EXPECT_THROW(loop(), std::runtime_error);
  }
  EXPECT_THROW(parallel_for(1, 0, [](std::size_t, std::size_t) {}), CheckFailure);
}

TEST(ParallelFor, NestedLoopsFinish) {
  const ThreadLimit limit(8);
  std::atomic<int> inner{0};
  parallel_for(20, 1, [&](std::size_t, std::size_t) {
    parallel_for(50, 3, [&](std::size_t begin, std::size_t end) { inner += static_cast<int>(end - begin); });
  });
  EXPECT_EQ(inner, 1000);
}

TEST(ParallelFor, AThreadThatWaitsForAnInnerLoopTakesNoOuterChunk) {
  const ThreadLimit limit(8);
  thread_local int depth = 0;
  std::atomic<int> reentered{0};
  parallel_for(40, 1, [&](std::size_t, std::size_t) {
    if (++depth > 1) ++reentered;
    parallel_for(16, 1, [](std::size_t, std::size_t) { std::this_thread::sleep_for(std::chrono::microseconds(50)); });
    --depth;
  });
  EXPECT_EQ(reentered, 0);
}

TEST(ParallelFor, SkipsWhatHasNotBegunOnceAStopIsRequested) {
  for (const int threads : {1, 2}) {
    const ThreadLimit limit(threads);
    std::stop_source source;
    std::atomic<int> ran{0};
    EXPECT_FALSE(parallel_for(1000, 1, source.get_token(), [&](std::size_t, std::size_t) {
      if (++ran == 5) source.request_stop();
    }));
    EXPECT_GE(ran, 5);
    EXPECT_LT(ran, 1000);
    EXPECT_TRUE(parallel_for(10, 1, StopToken(), [](std::size_t, std::size_t) {}));
  }
}

TEST(ThreadLimit, NestsAndRestoresWhatWasBefore) {
  EXPECT_EQ(thread_count(), hardware_threads());
  {
    const ThreadLimit outer(3);
    EXPECT_EQ(thread_count(), 3);
    {
      const ThreadLimit inner(8);
      EXPECT_EQ(thread_count(), 8);
    }
    EXPECT_EQ(thread_count(), 3);
    const ThreadLimit all(0);
    EXPECT_EQ(thread_count(), hardware_threads());
  }
  EXPECT_EQ(thread_count(), hardware_threads());
}

TEST(ParallelSum, HasTheSameBitsForAnyNumberOfThreads) {
  const Stream stream(1, "test.parallel_sum");
  const auto term = [&](std::size_t i) { return std::exp(20 * (static_cast<double>(stream.at(i) >> 11) * 0x1.0p-53 - 0.5)); };
  constexpr std::size_t kTerms = 50'001;
  double one = 0;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    const double sum = parallel_sum(kTerms, term);
    if (threads == 1) one = sum;
    EXPECT_EQ(sum, one) << threads;
  }
  long double reference = 0;
  for (std::size_t i = 0; i < kTerms; ++i) reference += static_cast<long double>(term(i));
  EXPECT_NEAR(one / static_cast<double>(reference), 1, 2e-16);
  EXPECT_EQ(parallel_sum(0, term), 0);
}

TEST(NeumaierSum, KeepsWhatPlainSummationLoses) {
  NeumaierSum sum;
  for (const double x : {1.0, 1e100, 1.0, -1e100}) sum += x;
  EXPECT_EQ(sum.value(), 2);
  NeumaierSum left;
  NeumaierSum right;
  left.add(1e100);
  left.add(1);
  right.add(-1e100);
  right.add(1);
  left.add(right);
  EXPECT_EQ(left.value(), 2);
}

}  // namespace
}  // namespace gimbal
