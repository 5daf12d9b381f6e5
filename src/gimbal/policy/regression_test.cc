#include "gimbal/policy/regression.h"

#include <cmath>

#include "gimbal/base/random.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/propensity.h"

namespace gimbal::policy {
namespace {

struct Rows {
  Designs x;
  std::vector<double> y, coin;

  explicit Rows(std::size_t n = 150) : y(n), coin(n) {
    x.linear = Matrix(n, 2);
    Stream stream(4, "policy.test.regression");
    for (std::size_t i = 0; i < n; ++i) {
      for (double& value : x.linear.row(i)) value = stream.normal();
      y[i] = 1 + x.linear(i, 0) + 0.5 * stream.normal();
      coin[i] = stream.bernoulli(1 / (1 + std::exp(-x.linear(i, 0))));
    }
    x.tree = x.linear;
  }
};

RegressionFit must_fit(const Rows& rows, Learner learner, bool binary = false) {
  RegressionTask task;
  task.learner = learner;
  task.binary = binary;
  task.y = binary ? rows.coin : rows.y;
  auto fit = fit_regression(rows.x, task);
  if (!fit) {
    ADD_FAILURE() << fit.error().text();
    return RegressionFit();
  }
  return std::move(*fit);
}

std::vector<std::pair<Learner, bool>> learners() {
  std::vector<std::pair<Learner, bool>> all = {
      {Learner::kMean, false}, {Learner::kOls, false}, {Learner::kRidge, false}, {Learner::kLogistic, true}};
  if (learn::gbdt_available()) all.push_back({Learner::kGbdt, false});
  return all;
}

TEST(Regression, HoldsOutEveryRowFromItsHeldOutPrediction) {
  for (const auto& [learner, binary] : learners()) {
    SCOPED_TRACE(learner_name(learner));
    const Rows rows;
    Rows changed = rows;
    changed.y[20] += 0.5;
    changed.coin[20] = 1 - changed.coin[20];
    const RegressionFit before = must_fit(rows, learner, binary), after = must_fit(changed, learner, binary);
    // Leave-one-out predictions subtract the row from sums that hold it, hence not to the bit. The change is small, so that
    // ridge keeps its penalty, which all rows choose together.
    const double held_out = std::abs(after.held_out[20] - before.held_out[20]);
    const double in_sample = std::abs(after.in_sample[20] - before.in_sample[20]);
    EXPECT_LE(held_out, 1e-9);
    EXPECT_GT(in_sample, 1e-3);
    EXPECT_EQ(before.held_out.size(), rows.y.size());
  }
}

TEST(Regression, LeavesOneOutByRefitting) {
  const Rows rows(30);
  const RegressionFit mean = must_fit(rows, Learner::kMean);
  double sum = 0;
  for (const double y : rows.y) sum += y;
  for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(mean.held_out[i], (sum - rows.y[i]) / 29, 1e-12);
  EXPECT_EQ(mean.parameters, 1);

  const RegressionFit ols = must_fit(rows, Learner::kOls);
  for (const std::size_t left_out : {std::size_t{0}, std::size_t{17}}) {
    Rows rest(30);
    rest.y.erase(rest.y.begin() + static_cast<std::ptrdiff_t>(left_out));
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < 30; ++i)
      if (i != left_out) keep.push_back(i);
    rest.x.linear = rows.x.linear.select_rows(keep);
    const RegressionFit without = must_fit(rest, Learner::kOls);
    Designs one;
    one.linear = rows.x.linear.select_rows(std::vector<std::size_t>{left_out});
    EXPECT_NEAR(ols.held_out[left_out], without.model.predict(one)->front(), 1e-10);
  }
  EXPECT_EQ(ols.parameters, 3);
}

TEST(Regression, PredictsItsTrainingRowsAsItSaid) {
  const Rows rows;
  for (const auto& [learner, binary] : learners()) {
    SCOPED_TRACE(learner_name(learner));
    const RegressionFit fit = must_fit(rows, learner, binary);
    EXPECT_EQ(*fit.model.predict(rows.x), fit.in_sample);
    EXPECT_EQ(fit.model.learner, learner);
    EXPECT_EQ(fit.model.penalty.has_value(), learner == Learner::kRidge || learner == Learner::kLogistic);
    EXPECT_EQ(fit.model.rounds.has_value(), learner == Learner::kGbdt);
  }
}

TEST(Regression, ComparesFromTheSimplestOnAndReportsAllCandidates) {
  const Rows rows;
  const RegressionFit fit = must_fit(rows, Learner::kAuto);
  ASSERT_EQ(fit.candidates.size(), learn::gbdt_available() ? 3u : 2u);
  EXPECT_EQ(fit.candidates[0].learner, Learner::kMean);
  EXPECT_EQ(fit.candidates[1].learner, Learner::kRidge);
  EXPECT_EQ(fit.model.learner, Learner::kRidge);
  EXPECT_NEAR(fit.candidates[1].mse, 0.25, 0.1);  // the noise
  EXPECT_EQ(must_fit(rows, Learner::kAuto, true).candidates[1].learner, Learner::kLogistic);
}

TEST(Propensity, TakesWeightedShares) {
  const std::vector<int> action = {0, 1, 1, 2};
  const std::vector<double> weight = {1, 2, 3, 4};
  EXPECT_EQ(arm_shares(action, weight, 3), (std::vector<double>{.1, .5, .4}));
  EXPECT_EQ(arm_shares(action, {}, 4), (std::vector<double>{.25, .5, .25, 0}));
}

TEST(Propensity, ClipsRenormalizesAndCounts) {
  PropensityModel model;
  model.spec.kind = PropensitySpec::Kind::kLogistic;
  model.clip = 0.1;
  model.intercepts = {0, 0};
  model.coefficients = Matrix(2, 1, std::vector<double>{0, 1});
  Designs designs;
  designs.linear = Matrix(3, 1, std::vector<double>{0, std::log(3.0), std::log(99.0)});
  const auto predicted = model.predict(designs, 3, 2);
  ASSERT_TRUE(predicted) << predicted.error().text();
  EXPECT_EQ(predicted->clipped, 1u);
  EXPECT_NEAR(predicted->e(0, 1), .5, 1e-15);
  EXPECT_NEAR(predicted->e(1, 1), .75, 1e-15);
  EXPECT_NEAR(predicted->e(2, 0), .1 / 1.09, 1e-15);
  EXPECT_NEAR(predicted->e(2, 1), .99 / 1.09, 1e-15);
}

TEST(Propensity, FindsThePolicyThatLogged) {
  const std::size_t n = 20'000;
  Designs designs;
  designs.linear = Matrix(n, 2);
  std::vector<int> action(n);
  Stream stream(5, "policy.test.propensity");
  const auto truth = [](std::span<const double> x) {
    const double w[] = {1, std::exp(x[0]), std::exp(-0.5 * x[1])};
    const double total = w[0] + w[1] + w[2];
    return std::vector<double>{w[0] / total, w[1] / total, w[2] / total};
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (double& value : designs.linear.row(i)) value = stream.normal();
    action[i] = static_cast<int>(stream.categorical(truth(designs.linear.row(i))));
  }
  PropensityTask task;
  task.spec.kind = PropensitySpec::Kind::kLogistic;
  task.arms = 3;
  task.action = action;
  const auto model = fit_propensity(designs, task);
  ASSERT_TRUE(model) << model.error().text();
  const auto predicted = model->predict(designs, n, 3);
  ASSERT_TRUE(predicted);
  for (std::size_t i = 0; i < n; i += 997) {
    const std::vector<double> e = truth(designs.linear.row(i));
    // Six free coefficients from 20,000 rows: errors of probabilities stay near .01.
    for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(predicted->e(i, a), e[a], .03);
  }
}

}  // namespace
}  // namespace gimbal::policy
