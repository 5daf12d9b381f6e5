// An observational test bed with known truth: simulated treatments and outcomes over real covariates (ACIC 2016).
#include <cmath>
#include <iostream>

#include "gimbal/policy/reproduce_study.h"
#include "support/test_data.h"

namespace gimbal::policy {
namespace {

using testing::Study;

struct Draw {
  data::DataTable table;
  std::vector<double> mu0, mu1;
};

// Covariates, treatment z and the outcome that was seen; the true means apart.
Result<Draw> read_draw(const std::string& covariates, const std::string& outcomes) {
  GIMBAL_TRY(data::DataTable x, data::read_table(covariates));
  GIMBAL_TRY(const data::DataTable zymu, data::read_table(outcomes));
  const auto column = [&](const char* name) { return zymu.find(name)->numbers; };
  const std::vector<double> z = column("z"), y0 = column("y0"), y1 = column("y1");
  std::vector<double> y(z.size());
  for (std::size_t i = 0; i < z.size(); ++i) y[i] = z[i] == 1 ? y1[i] : y0[i];
  x.add_numbers("z", z).add_numbers("y", y);
  return Draw{std::move(x), column("mu0"), column("mu1")};
}

// The improvement that a policy truly brings to the test rows (the odd ones), by the known means.
double true_improvement(const AppliedPolicy& applied, const Draw& draw) {
  const Matrix &pi = applied.pi, &e = applied.units.nuisances->e;
  double sum = 0;
  for (std::size_t i = 0; i < pi.rows(); ++i) sum += (pi(i, 1) - e(i, 1)) * (draw.mu1[2 * i + 1] - draw.mu0[2 * i + 1]);
  return sum / static_cast<double>(pi.rows());
}

// One draw: even rows train, odd rows test. Whether the test's interval holds the truth of the chosen policy.
Result<bool> contains_truth(const Draw& draw, Learner learner, int number) {
  DataFlags flags;
  flags.outcome = "y";
  flags.action = "z";
  flags.propensity = PropensitySpec{PropensitySpec::Kind::kLogistic, ""};
  std::vector<bool> train(draw.table.rows());
  for (std::size_t i = 0; i < train.size(); ++i) train[i] = i % 2 == 0;
  FitSpec spec;
  spec.learner = learner;
  spec.unknown = data::UnknownCategory::kMissing;  // a rare level may stand in odd rows only
  GIMBAL_TRY(const Study study, Study::make(draw.table, train, flags, spec));
  GIMBAL_TRY(const LoadedFrontier loaded, study.frontier(Score::kDr, "logging"));
  GIMBAL_TRY(const Choice choice, loaded.frontier->choose(*parse_select_rule("power:0.8"), CurveKind::kHonest));
  EXPECT_TRUE(choice.reached) << choice.why;
  GIMBAL_TRY(const std::vector<FrontierPoint> points, loaded.frontier->points({{choice.lambda, kInfinity}}, 2));

  GIMBAL_TRY(const testing::TestedPoint chosen, study.evaluate_point(loaded, points[0]));
  const Estimate& dr = *chosen.independent.estimates[static_cast<std::size_t>(Score::kDr)];
  const double truth = true_improvement(chosen.applied, draw);

  GIMBAL_TRY(const testing::TestedPoint greedy, study.evaluate_point(loaded, points[1]));
  const HonestPoint& honest = *points[1].honest;
  const double greedy_truth = true_improvement(greedy.applied, draw);
  const double gap = std::abs(honest.tau - greedy_truth) / honest.se_train;
  std::cout << fmt::format(
      "{}, draw {}: chosen true {:.4f}, test {:.4f} ({:.4f} to {:.4f}); max-tau true {:.4f}, plug-in {:.4f}, honest {:.4f}: "
      "{:.1f} honest SE from the truth\n",
      learner_name(learner), number, truth, dr.tau, dr.ci_low, dr.ci_high, greedy_truth, points[1].moments.tau, honest.tau,
      gap);
  // Logging depends on the covariates in ways that a logistic regression does not follow, so some bias is to be expected;
  // further off than this, something is wrong.
  EXPECT_LT(gap, 4);
  return dr.ci_low <= truth && truth <= dr.ci_high;
}

class Acic : public ::testing::Test {
 protected:
  static void count_contained(Learner learner, int least) {
    GIMBAL_TEST_DATA(covariates, "policy/acic2016/x.csv.gz");
    int contained = 0;
    for (int k = 1; k <= 3; ++k) {
      GIMBAL_TEST_DATA(outcomes, fmt::format("policy/acic2016/zymu_{}.csv.gz", k));
      const auto draw = read_draw(covariates, outcomes);
      ASSERT_TRUE(draw) << draw.error().text();
      const auto result = contains_truth(*draw, learner, k);
      ASSERT_TRUE(result) << result.error().text();
      contained += *result;
    }
    EXPECT_GE(contained, least);
  }
};

TEST_F(Acic, CoversTheTrueImprovementOnMostDrawsWithRidge) { count_contained(Learner::kRidge, 2); }

// Boosted trees, which `auto` takes in five of the six arms here, predict far better than ridge; the intervals are a third
// shorter, and the bias that wrong propensities leave shows. It is the test bed's, not this program's: scikit-learn's
// LogisticRegressionCV and ridge with xgboost on the same rows miss by 1.1, 1.3 and 2.3 standard errors on the three draws,
// with boosted trees by 3.4, 3.0 and 2.8 (test estimate of the greedy policy against its true improvement).
TEST_F(Acic, CoversTheTrueImprovementOnSomeDrawWithAuto) { count_contained(Learner::kAuto, 1); }

}  // namespace
}  // namespace gimbal::policy
