// Published numbers reproduced through the library: two real trials that lie in the repository and one that does not.
#include <cmath>

#include "gimbal/policy/reproduce_study.h"
#include "support/test_data.h"

namespace gimbal::policy {
namespace {

using testing::Study;

// The tables give six decimals of improvements and standard errors and four of z: half a unit of the last place, and as much
// again for the reference's own rounding (z is of order 10, its relative precision is the same).
constexpr double kTolerance = 2e-6, kToleranceZ = 2e-3;
constexpr double kInf = kInfinity;

struct Expected {
  double tau, se, clustered_se;  // clustered_se 0: the table has none
};
struct Row {
  Score score;
  std::string baseline;
  double lambda, tau, z;
  std::vector<std::pair<Score, Expected>> test;
};

constexpr Score kAll[] = {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr};
std::vector<std::pair<Score, Expected>> all_scores(Expected ipw, Expected cipw, Expected snips, Expected dr) {
  return {{kAll[0], ipw}, {kAll[1], cipw}, {kAll[2], snips}, {kAll[3], dr}};
}

FitSpec least_squares_in_sample() {
  FitSpec spec;
  spec.learner = Learner::kOls;
  spec.variance = VarianceKind::kArm;
  spec.folds = 1;
  return spec;
}

std::vector<bool> first_half_of_four(std::size_t rows) {
  std::vector<bool> train(rows);
  for (std::size_t i = 0; i < rows; ++i) train[i] = i % 4 < 2;
  return train;
}

void expect_test(const testing::TestedPoint& tested, const std::vector<std::pair<Score, Expected>>& expected) {
  for (const auto& [score, values] : expected) {
    SCOPED_TRACE(score_name(score));
    const Estimate& estimate = *tested.independent.estimates[static_cast<std::size_t>(score)];
    EXPECT_NEAR(estimate.tau, values.tau, kTolerance);
    EXPECT_NEAR(estimate.se, values.se, kTolerance);
    if (values.clustered_se > 0) {
      EXPECT_NEAR(tested.clustered.estimates[static_cast<std::size_t>(score)]->se, values.clustered_se, kTolerance);
    }
  }
}

void expect_rows(const Study& study, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(fmt::format("{}, {}, lambda {}", score_name(row.score), row.baseline, row.lambda));
    const auto loaded = study.frontier(row.score, row.baseline);
    ASSERT_TRUE(loaded) << loaded.error().text();
    const auto points = loaded->frontier->points({{row.lambda}}, 1);
    ASSERT_TRUE(points) << points.error().text();
    EXPECT_NEAR(points->front().moments.tau, row.tau, kTolerance);
    EXPECT_NEAR(points->front().z, row.z, kToleranceZ);
    const auto tested = study.evaluate_point(*loaded, points->front());
    ASSERT_TRUE(tested) << tested.error().text();
    expect_test(*tested, row.test);
  }
}

class Thornton : public ::testing::Test {
 protected:
  static Result<Study> study(const std::string& action, std::vector<std::string> arms) {
    DataFlags flags;
    flags.outcome = "got";
    flags.action = action;
    flags.cluster = "village";
    flags.propensity = PropensitySpec{PropensitySpec::Kind::kShares, ""};
    flags.features = {"distance_km", "age", "hiv2004"};
    flags.arms = std::move(arms);
    GIMBAL_TRY(const data::DataTable table, data::read_table(gimbal::testing::find_test_data("policy/thornton_hiv.csv"),
                                                             {.text_columns = {action, "village"}}));
    return Study::make(table, first_half_of_four(table.rows()), flags, least_squares_in_sample());
  }
  static Result<Study> any() { return study("any", {}); }
  static Result<Study> incentive() { return study("incentive", {"none", "up to 100", "over 100"}); }
};

TEST_F(Thornton, SplitsFitsAndCentresAsPublished) {
  const auto fitted = any();
  ASSERT_TRUE(fitted) << fitted.error().text();
  EXPECT_EQ(fitted->fit.data.rows(), 1413u);
  EXPECT_EQ(fitted->test.rows(), 1412u);
  EXPECT_EQ(*std::ranges::max_element(fitted->test.logged.cluster) + 1, 118);
  EXPECT_NEAR(fitted->model->propensity.shares[0], .2250531, 1e-7);
  EXPECT_NEAR(fitted->model->propensity.shares[1], .7749469, 1e-7);
  EXPECT_NEAR(fitted->model->c0, .702760, 1e-6);
  EXPECT_NEAR(fitted->model->arm_models[0].variance.mean, .229750, 1e-6);
  EXPECT_NEAR(fitted->model->arm_models[1].variance.mean, .159874, 1e-6);

  const auto three = incentive();
  ASSERT_TRUE(three) << three.error().text();
  const double shares[] = {.2250531, .3871196, .3878273}, variances[] = {.229750, .195864, .115394};
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(three->model->propensity.shares[a], shares[a], 1e-7);
    EXPECT_NEAR(three->model->arm_models[a].variance.mean, variances[a], 1e-6);
  }
}

TEST_F(Thornton, ReproducesTheFrontierAndTheTestOfTwoArms) {
  const auto fitted = any();
  ASSERT_TRUE(fitted) << fitted.error().text();
  expect_rows(*fitted, {{Score::kIpw, "logging", 1, .067679, 10.1600,
                         all_scores({.078069, .006056, .007976}, {.071433, .005499, .006941}, {.070972, .005771, .007512},
                                    {.073693, .004535, .004902})},
                        {Score::kIpw, "logging", kInf, .092760, 9.6356,
                         all_scores({.113574, .008592, .011683}, {.104085, .007548, .009772}, {.102994, .008168, .011105},
                                    {.106684, .006399, .006988})},
                        {Score::kDr, "logging", .5, .062311, 14.1780,
                         all_scores({.073372, .005624, .007422}, {.067074, .004989, .006347}, {.066675, .005214, .006838},
                                    {.068909, .004173, .004458})}});
}

TEST_F(Thornton, ReproducesTheFrontierAndTheTestOfThreeArms) {
  const auto fitted = incentive();
  ASSERT_TRUE(fitted) << fitted.error().text();
  expect_rows(*fitted, {{Score::kIpw, "logging", 1, .070523, 10.3772,
                         all_scores({.077801, .006176, .008291}, {.073890, .005396, .006818}, {.073604, .005682, .007349},
                                    {.077197, .004448, .004714})},
                        {Score::kIpw, "logging", 10, .138585, 6.7770,
                         all_scores({.122242, .019682, .025428}, {.144478, .010686, .012633}, {.148475, .011459, .013135},
                                    {.152266, .009933, .011030})},
                        {Score::kIpw, "logging", kInf, .159432, 5.5106,
                         all_scores({.126562, .028319, .033237}, {.163264, .013901, .015537}, {.171039, .014785, .016074},
                                    {.173339, .013147, .014207})},
                        {Score::kDr, "logging", 1, .116843, 15.7038,
                         all_scores({.115546, .012876, .016782}, {.123239, .008168, .010032}, {.124357, .008820, .010910},
                                    {.129542, .007205, .007919})},
                        {Score::kDr, "logging", 3, .156178, 12.7371,
                         all_scores({.122671, .026315, .031374}, {.160343, .013115, .014731}, {.168170, .014021, .015267},
                                    {.170362, .012372, .013304})},
                        {Score::kIpw, "arm:none", 5, .346972, 10.3654,
                         all_scores({.383092, .030473, .040623}, {.365059, .026463, .033126}, {.383287, .024279, .028751},
                                    {.380822, .021889, .023036})}});
}

TEST_F(Thornton, ReportsSharesAndOverlapOfThePolicy) {
  const auto fitted = incentive();
  ASSERT_TRUE(fitted) << fitted.error().text();
  const auto loaded = fitted->frontier(Score::kDr, "logging");
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto points = loaded->frontier->points({{1.0}}, 1);
  ASSERT_TRUE(points) << points.error().text();
  const auto tested = fitted->evaluate_point(*loaded, points->front());
  ASSERT_TRUE(tested) << tested.error().text();
  const double shares[] = {.0058, .3228, .6714};
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(points->front().summary.shares[a], shares[a], 1e-4);
    EXPECT_NEAR(tested->clustered.shares[a], shares[a], 1e-4);
  }
  EXPECT_NEAR(tested->clustered.ess, 984.9, .1);
  EXPECT_NEAR(tested->clustered.max_weight, 1.987, 1e-3);
}

TEST_F(Thornton, ChoosesTheLargestImprovementThatKeepsThePower) {
  const auto fitted = incentive();
  ASSERT_TRUE(fitted) << fitted.error().text();
  const SelectRule rule = *parse_select_rule("power:0.8");
  {
    const auto loaded = fitted->frontier(Score::kDr, "logging", {}, 60);
    ASSERT_TRUE(loaded) << loaded.error().text();
    const auto choice = loaded->frontier->choose(rule, CurveKind::kPlugin);
    ASSERT_TRUE(choice) << choice.error().text();
    EXPECT_TRUE(choice->reached);
    EXPECT_NEAR(choice->lambda, 2.218282, kTolerance);
    EXPECT_NEAR(choice->moments.tau, .145810, kTolerance);
    EXPECT_NEAR(choice->z1, .361683, kTolerance);
    EXPECT_NEAR(choice->power, .8, 1e-9);
    const auto points = loaded->frontier->points({{choice->lambda}}, 1);
    ASSERT_TRUE(points) << points.error().text();
    const double shares[] = {.0003, .1315, .8682};
    for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(points->front().summary.shares[a], shares[a], 1e-4);
    const auto tested = fitted->evaluate_point(*loaded, points->front());
    ASSERT_TRUE(tested) << tested.error().text();
    expect_test(*tested, {{Score::kDr, {.160051, .010853, .011893}}});
  }
  const auto loaded = fitted->frontier(Score::kIpw, "logging", {}, 200);
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto choice = loaded->frontier->choose(rule, CurveKind::kPlugin);
  ASSERT_TRUE(choice) << choice.error().text();
  EXPECT_NEAR(choice->lambda, 7.965009, kTolerance);
  EXPECT_NEAR(choice->moments.tau, .129247, kTolerance);
  EXPECT_NEAR(choice->z1, .198102, kTolerance);
  const auto points = loaded->frontier->points({{choice->lambda}}, 1);
  ASSERT_TRUE(points) << points.error().text();
  const auto tested = fitted->evaluate_point(*loaded, points->front());
  ASSERT_TRUE(tested) << tested.error().text();
  expect_test(*tested, {{Score::kIpw, {.120884, .016527, .021695}}});
}

TEST_F(Thornton, KeepsTheLargeVoucherForThreeInTenAndPricesIt) {
  const auto fitted = incentive();
  ASSERT_TRUE(fitted) << fitted.error().text();
  Limits limits;
  limits.capacities.push_back({"over 100", .3});
  const auto loaded = fitted->frontier(Score::kDr, "logging", limits);
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto points = loaded->frontier->points({{2.0}}, 1);
  ASSERT_TRUE(points) << points.error().text();
  const FrontierPoint& point = points->front();
  EXPECT_NEAR(point.eta.at(0), .440627, kTolerance);
  EXPECT_NEAR(point.shadow_prices.at(0).second, .220314, kTolerance);
  EXPECT_NEAR(point.moments.tau, .068786, kTolerance);
  EXPECT_NEAR(point.z, 7.9821, kToleranceZ);
  const double shares[] = {.0094, .6906, .3};
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(point.summary.shares[a], shares[a], 1e-4);
  EXPECT_LE(point.summary.shares[2], .3 + 1e-9);
  const auto tested = fitted->evaluate_point(*loaded, point);
  ASSERT_TRUE(tested) << tested.error().text();
  expect_test(*tested, {{Score::kDr, {.078185, .008449, .008362}}});
}

TEST(SocialInsurance, ReproducesAPromiseThatTheTestDoesNotConfirm) {
  DataFlags flags;
  flags.outcome = "takeup_survey";
  flags.action = "default";
  flags.cluster = "address";
  flags.propensity = PropensitySpec{PropensitySpec::Kind::kShares, ""};
  flags.features = {"disaster_prob", "risk_averse", "pre_takeup_rate", "intensive"};
  const auto table =
      data::read_table(gimbal::testing::find_test_data("policy/social_insure.csv"), {.text_columns = {"default", "address"}});
  ASSERT_TRUE(table) << table.error().text();
  // Villages are numbered by first appearance, which is how text is coded; even ones train.
  std::vector<bool> train;
  for (const std::int32_t village : table->find("address")->codes) train.push_back(village % 2 == 0);
  const auto fitted = Study::make(*table, train, flags, least_squares_in_sample());
  ASSERT_TRUE(fitted) << fitted.error().text();
  EXPECT_EQ(fitted->fit.data.rows(), 696u);
  EXPECT_EQ(fitted->test.rows(), 714u);
  EXPECT_EQ(*std::ranges::max_element(fitted->test.logged.cluster) + 1, 83);
  EXPECT_NEAR(fitted->model->propensity.shares[0], .5646552, 1e-7);
  EXPECT_NEAR(fitted->model->propensity.shares[1], .4353448, 1e-7);

  expect_rows(*fitted, {{Score::kIpw,
                         "logging",
                         kInf,
                         .045948,
                         1.5724,
                         {{Score::kIpw, {.102230, .029471, .057510}},
                          {Score::kSnips, {.020960, .018286, .022309}},
                          {Score::kDr, {-.004097, .020794, .024299}}}},
                        {Score::kDr,
                         "logging",
                         2,
                         .020511,
                         2.7200,
                         {{Score::kIpw, {.029463, .011321, .021580}},
                          {Score::kSnips, {.008980, .007602, .008956}},
                          {Score::kDr, {.002161, .007745, .008852}}}},
                        {Score::kDr,
                         "arm:0",
                         2,
                         .020401,
                         2.7126,
                         {{Score::kIpw, {.031433, .011261, .021870}},
                          {Score::kSnips, {.012666, .009947, .012121}},
                          {Score::kDr, {.002060, .007726, .008915}}}}});

  const auto loaded = fitted->frontier(Score::kIpw, "logging");
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto points = loaded->frontier->points({{kInf}}, 1);
  ASSERT_TRUE(points) << points.error().text();
  const auto tested = fitted->evaluate_point(*loaded, points->front());
  ASSERT_TRUE(tested) << tested.error().text();
  EXPECT_NEAR(*tested->independent.estimates[0]->z, 3.47, 5e-3);
  EXPECT_NEAR(*tested->clustered.estimates[0]->z, 1.78, 5e-3);
  EXPECT_EQ(tested->clustered.verdict, Verdict::kInconclusive);
}

class Hillstrom : public ::testing::Test {
 protected:
  static Result<Study> study(const std::string& path, const std::string& outcome) {
    DataFlags flags;
    flags.outcome = outcome;
    flags.action = "segment";
    flags.propensity = PropensitySpec{PropensitySpec::Kind::kUniform, ""};
    flags.features = {"recency", "log(history)", "mens", "womens", "newbie"};
    flags.arms = {"No E-Mail", "Mens E-Mail", "Womens E-Mail"};
    GIMBAL_TRY(const data::DataTable table, data::read_table(path, {.text_columns = {"segment"}}));
    return Study::make(table, first_half_of_four(table.rows()), flags, least_squares_in_sample());
  }
};

TEST_F(Hillstrom, ReproducesVisits) {
  GIMBAL_TEST_DATA(path, "policy/hillstrom.csv.gz");
  const auto fitted = study(path, "visit");
  ASSERT_TRUE(fitted) << fitted.error().text();
  EXPECT_EQ(fitted->fit.data.rows(), 32000u);
  EXPECT_EQ(fitted->test.rows(), 32000u);
  expect_rows(*fitted,
              {{Score::kIpw, "logging", 1, .008459, 16.5227,
                all_scores({.008719, .000522, 0}, {.008641, .000483, 0}, {.008637, .000483, 0}, {.008749, .000476, 0})},
               {Score::kIpw, "logging", 5, .026426, 15.4555,
                all_scores({.028532, .001719, 0}, {.028320, .001586, 0}, {.028279, .001589, 0}, {.028659, .001563, 0})},
               {Score::kIpw, "logging", kInf, .035552, 11.1388,
                all_scores({.037469, .003208, 0}, {.038111, .002933, 0}, {.038278, .002947, 0}, {.038480, .002893, 0})},
               {Score::kDr, "logging", 1, .010360, 18.3026,
                all_scores({.010579, .000667, 0}, {.010512, .000612, 0}, {.010507, .000611, 0}, {.010617, .000601, 0})},
               {Score::kDr, "logging", 20, .034779, 14.6049,
                all_scores({.038956, .002682, 0}, {.038821, .002451, 0}, {.038786, .002449, 0}, {.039156, .002411, 0})},
               {Score::kIpw, "arm:No E-Mail", 5, .041652, 16.3954,
                all_scores({.042980, .002589, 0}, {.042382, .002399, 0}, {.042659, .002424, 0}, {.042898, .002362, 0})}});

  const auto loaded = fitted->frontier(Score::kIpw, "logging");
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto points = loaded->frontier->points({{5.0}}, 1);
  ASSERT_TRUE(points) << points.error().text();
  const auto tested = fitted->evaluate_point(*loaded, points->front());
  ASSERT_TRUE(tested) << tested.error().text();
  const double shares[] = {.0176, .6262, .3562};
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(tested->independent.shares[a], shares[a], 1e-4);
  EXPECT_NEAR(tested->independent.ess, 19439.9, .1);
  EXPECT_NEAR(tested->independent.max_weight, 2.291, 1e-3);
}

TEST_F(Hillstrom, ReproducesSpending) {
  GIMBAL_TEST_DATA(path, "policy/hillstrom.csv.gz");
  const auto fitted = study(path, "spend");
  ASSERT_TRUE(fitted) << fitted.error().text();
  expect_rows(*fitted,
              {{Score::kIpw, "logging", 500, .289733, 4.6193,
                all_scores({.234874, .070131, 0}, {.232068, .069940, 0}, {.231877, .069697, 0}, {.232710, .069832, 0})}});
}

}  // namespace
}  // namespace gimbal::policy
