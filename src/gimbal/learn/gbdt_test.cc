#include "gimbal/learn/gbdt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/learn_test_support.h"

namespace gimbal::learn {
namespace {

class GbdtTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!gbdt_available()) GTEST_SKIP() << "skipped: needs XGBoost (package libxgboost-dev)";
  }
};

// A step in column 0 and a bend in column 1; the rest is noise.
std::vector<double> steps(const Matrix& x, double noise, std::uint64_t seed) {
  Stream stream(seed, "test.steps");
  std::vector<double> y(x.rows());
  for (std::size_t i = 0; i < x.rows(); ++i) y[i] = (x(i, 0) > 0.3 ? 4 : 1) + std::abs(x(i, 1) - 3) + noise * stream.normal();
  return y;
}

double mean_squared_error(const Matrix& predictions, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += (predictions(i, 0) - y[i]) * (predictions(i, 0) - y[i]);
  return sum / static_cast<double>(y.size());
}

TEST(GbdtWithoutXgboost, NamesThePackage) {
  if (gbdt_available()) GTEST_SKIP() << "skipped: XGBoost is installed";
  const Matrix x = random_features(20, 1, 0);
  const auto model = Gbdt::train({x, std::vector<double>(20, 1.0)}, {});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(model.error().message.find("libxgboost-dev"), std::string::npos);
}

TEST_F(GbdtTest, LearnsAFunctionThatIsNotLinear) {
  const Matrix x = random_features(2000, 4, 1), fresh = random_features(2000, 4, 2);
  const auto model = Gbdt::train({x, steps(x, 0.5, 1)}, {});
  ASSERT_TRUE(model) << model.error().text();
  const auto predictions = model->predict(fresh);
  ASSERT_TRUE(predictions);
  EXPECT_EQ(model->outputs(), 1);
  EXPECT_EQ(model->features(), 4u);
  // The function has variance near 3.9; what is left of it must be small against the noise of .25.
  EXPECT_LT(mean_squared_error(*predictions, steps(fresh, 0, 2)), 0.1);
}

TEST_F(GbdtTest, StopsEarlyOnNoiseAndLateOnSignal) {
  const Matrix x = random_features(1500, 3, 3);
  Stream stream(3, "test.noise");
  std::vector<double> noise(1500);
  for (double& v : noise) v = stream.normal();
  const auto short_model = Gbdt::train({x, noise}, {}), long_model = Gbdt::train({x, steps(x, 0.1, 3)}, {});
  EXPECT_LT(short_model->rounds(), 20);
  EXPECT_GT(long_model->rounds(), 60);
  GbdtOptions capped;
  capped.max_rounds = 25;
  EXPECT_EQ(Gbdt::train({x, steps(x, 0.1, 3)}, capped)->rounds(), 25);
  GbdtOptions fixed;
  fixed.patience = 0;
  fixed.max_rounds = 7;
  EXPECT_EQ(Gbdt::train({x, noise}, fixed)->rounds(), 7);
}

TEST_F(GbdtTest, RefitsOnAllRowsWithTheRoundsOfTheHoldOut) {
  const Matrix x = random_features(800, 3, 4);
  const std::vector<double> y = steps(x, 0.3, 4);
  const auto stopped = Gbdt::train({x, y}, {});
  GbdtOptions fixed;
  fixed.patience = 0;
  fixed.max_rounds = stopped->rounds();
  EXPECT_EQ(*stopped->predict(x), *Gbdt::train({x, y}, fixed)->predict(x));
}

TEST_F(GbdtTest, HasTheSameBitsEveryTimeAndFromEveryThread) {
  const Matrix x = random_features(600, 3, 5);
  const std::vector<double> y = steps(x, 0.3, 5);
  const auto first = Gbdt::train({x, y}, {});
  std::vector<Result<std::string>> bytes(4, std::string());
  parallel_for(4, 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) bytes[k] = Gbdt::train({x, y}, {})->save_to_bytes();
  });
  for (const auto& b : bytes) EXPECT_EQ(*b, *first->save_to_bytes());
}

TEST_F(GbdtTest, SavedAndLoadedModelsPredictTheSame) {
  const Matrix x = random_features(500, 3, 6);
  GbdtOptions options;
  options.objective = GbdtObjective::kLogistic;
  std::vector<double> y = steps(x, 0.3, 6);
  for (double& v : y) v = v > 4 ? 1 : 0;
  const auto model = Gbdt::train({x, y}, options);
  ASSERT_TRUE(model);
  const auto bytes = model->save_to_bytes();
  ASSERT_TRUE(bytes);
  const auto loaded = Gbdt::load_from_bytes(*bytes);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(*loaded->predict(x), *model->predict(x));
  EXPECT_EQ(loaded->rounds(), model->rounds());
  EXPECT_EQ(loaded->features(), 3u);
  EXPECT_EQ(loaded->outputs(), 1);
  EXPECT_EQ(*loaded->save_to_bytes(), *bytes);
}

TEST_F(GbdtTest, RefusesBytesThatAreNoModelOrDamaged) {
  for (const char* bytes : {"", "short", "not a model of anything", "{\"a\":1}"})
    EXPECT_EQ(Gbdt::load_from_bytes(bytes).error().code, ErrorCode::kCorrupted) << bytes;
  const Matrix x = random_features(60, 2, 6);
  const std::string bytes = *Gbdt::train({x, steps(x, 0.3, 6)}, {})->save_to_bytes();
  for (std::size_t k = 0; k < bytes.size(); k += 97) {
    EXPECT_EQ(Gbdt::load_from_bytes(std::string_view(bytes).substr(0, k)).error().code, ErrorCode::kCorrupted);
    std::string flipped = bytes;
    flipped[k] ^= 4;
    EXPECT_EQ(Gbdt::load_from_bytes(flipped).error().code, ErrorCode::kCorrupted);
  }
  EXPECT_EQ(Gbdt::load_from_bytes(bytes.substr(0, 10)).error().message,
            "these 10 bytes are not a model of gradient-boosted trees, or they are damaged");
}

TEST_F(GbdtTest, ProbabilitiesAreCalibratedOnAverageForBothClassObjectives) {
  const Matrix x = random_features(1500, 3, 7);
  Stream stream(7, "test.classes");
  std::vector<double> y(1500);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::vector<double> weight{1, x(i, 0) > 0 ? 3.0 : 0.3, 0.7};
    y[i] = static_cast<double>(stream.categorical(weight));
  }
  GbdtOptions options;
  options.objective = GbdtObjective::kSoftprob;
  options.classes = 3;
  const auto model = Gbdt::train({x, y}, options);
  ASSERT_TRUE(model) << model.error().text();
  const auto p = model->predict(x);
  ASSERT_EQ(p->cols(), 3u);
  EXPECT_EQ(Gbdt::load_from_bytes(*model->save_to_bytes())->outputs(), 3);
  double mean = 0, high = 0, count = 0;
  for (std::size_t i = 0; i < 1500; ++i) {
    EXPECT_NEAR((*p)(i, 0) + (*p)(i, 1) + (*p)(i, 2), 1, 1e-6);  // single precision
    mean += ((*p)(i, 1) - (y[i] == 1)) / 1500;
    if (x(i, 0) > 0) {
      high += (*p)(i, 1);
      ++count;
    }
  }
  EXPECT_NEAR(mean, 0, 0.01);
  EXPECT_NEAR(high / count, 3 / 4.7, 0.05);  // 750 rows: standard error .018
}

TEST_F(GbdtTest, TreatsNotANumberAsMissingAndLearnsFromIt) {
  Matrix x = random_features(600, 2, 8);
  std::vector<double> y(600);
  for (std::size_t i = 0; i < 600; ++i) {
    const bool missing = i % 3 == 0;
    if (missing) x(i, 0) = std::nan("");
    y[i] = missing ? 5 : 0;
  }
  const auto model = Gbdt::train({x, y}, {});
  ASSERT_TRUE(model) << model.error().text();
  const Matrix probe(2, 2, {std::nan(""), 3, 0.1, 3});
  const auto predictions = model->predict(probe);
  EXPECT_NEAR((*predictions)(0, 0), 5, 0.05);
  EXPECT_NEAR((*predictions)(1, 0), 0, 0.05);
}

TEST_F(GbdtTest, WeightsOfZeroLeaveRowsOutAndScaleDoesNotMatter) {
  const Matrix x = random_features(400, 2, 9);
  std::vector<double> y = steps(x, 0.3, 9), w(400, 1.0), scaled(400, 64.0);
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < 400; ++i) {
    if (i % 4 == 0) {
      w[i] = 0;
      y[i] = 1e6;
    } else {
      kept.push_back(i);
    }
    scaled[i] = 64 * w[i];
  }
  const auto a = Gbdt::train({x, y, w}, {}), b = Gbdt::train({x, y, {}, kept}, {}), c = Gbdt::train({x, y, scaled}, {});
  EXPECT_EQ(*a->predict(x), *b->predict(x));
  EXPECT_EQ(*a->predict(x), *c->predict(x));
}

TEST_F(GbdtTest, PredictsTheMeanWhereNothingCanBeSplit) {
  // Base score and leaves: the average prediction is the mean, whatever release estimates the base score by itself.
  const Matrix x(40, 1, 1.0);
  std::vector<double> y(40);
  for (std::size_t i = 0; i < 40; ++i) y[i] = 100 + static_cast<double>(i % 5);
  const auto model = Gbdt::train({x, y}, {});
  EXPECT_NEAR((*model->predict(x))(0, 0), 102, 1e-4);
}

TEST_F(GbdtTest, KeepsClustersTogetherInTheHoldOut) {
  // Noise that is the same within a cluster: a hold-out that splits clusters would reward learning it for hundreds of rounds.
  Stream stream(10, "test.clusters");
  Matrix x(600, 1);
  std::vector<double> y(600);
  std::vector<std::int64_t> cluster(600);
  for (std::size_t i = 0; i < 600; ++i) {
    cluster[i] = static_cast<std::int64_t>(i / 20);
    x(i, 0) = static_cast<double>(i / 20);
  }
  std::vector<double> effect(30);
  for (double& v : effect) v = stream.normal();
  for (std::size_t i = 0; i < 600; ++i) y[i] = effect[i / 20] + 0.1 * stream.normal();
  GbdtOptions with, without;
  with.cluster = cluster;
  EXPECT_LT(Gbdt::train({x, y}, with)->rounds(), 20);
  EXPECT_GT(Gbdt::train({x, y}, without)->rounds(), 50);
}

TEST_F(GbdtTest, OneModelServesSeveralThreads) {
  const Matrix x = random_features(500, 2, 11);
  const auto model = Gbdt::train({x, steps(x, 0.2, 11)}, {});
  const Matrix expected = *model->predict(x);
  std::vector<int> same(4, 0);
  std::vector<std::thread> threads;
  for (int& flag : same) threads.emplace_back([&] { flag = *model->predict(x) == expected; });
  for (auto& t : threads) t.join();
  EXPECT_EQ(same, std::vector<int>(4, 1));
}

TEST_F(GbdtTest, RefusesWhatItCannotUse) {
  Matrix x = random_features(30, 2, 12);
  std::vector<double> y(30, 0.5);
  GbdtOptions binary, classes;
  binary.objective = GbdtObjective::kLogistic;
  classes.objective = GbdtObjective::kSoftprob;
  y[4] = 2;
  EXPECT_EQ(Gbdt::train({x, y}, binary).error().message, "outcome of row 4 must lie between 0 and 1, found 2");
  EXPECT_EQ(Gbdt::train({x, y}, classes).error().message, "class of row 0 must be an integer in 0..1, found 0.5");
  const std::vector<std::size_t> few{0, 1, 2};
  EXPECT_EQ(Gbdt::train({x, y, {}, few}, {}).error().code, ErrorCode::kInsufficientData);
  const auto model = Gbdt::train({x, y}, {});
  ASSERT_TRUE(model);
  EXPECT_EQ(model->predict(Matrix(3, 5)).error().message, "the model was trained on 2 features, found 5");
  x(7, 1) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Gbdt::train({x, y}, {}).error().message, "feature 1 of row 7 must be a finite number, found inf");
}

}  // namespace
}  // namespace gimbal::learn
