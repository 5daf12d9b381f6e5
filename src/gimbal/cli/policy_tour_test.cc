#include "gimbal/cli/policy_tour.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/cli/test_host.h"
#include "gimbal/run/markup_check.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;

class PolicyTour : public ::testing::Test {
 protected:
  PolicyTour() : folder_(*TemporaryFolder::create()) {}

  Result<run::TourOutcome> run(const std::string& data = "data") {
    run::TourContext tour;
    tour.data_folder = data;
    tour.scratch_folder = folder_.path().string();
    const std::vector<run::TourStep> steps = policy_tour_steps();
    EXPECT_EQ(steps.size(), 1U);
    EXPECT_EQ(steps.front().system, "policy");
    return steps.front().run(tour);
  }
  std::string file(const char* name) const { return (folder_.path() / name).string(); }

  TemporaryFolder folder_;
};

// The tested improvement of the published numbers is .160051 with the clustered standard error .011893.
TEST_F(PolicyTour, GainsWhatTheTrialSays) {
  const auto outcome = run();
  ASSERT_TRUE(outcome) << outcome.error().text();
  EXPECT_FALSE(outcome->skipped);
  EXPECT_EQ(outcome->what, "who should get which voucher: fitted on 1,413 people, tested on 1,412 others");
  EXPECT_EQ(outcome->headline, "policy gains +16.0 results learned per 100 people over the lottery (95 % CI 13.7 to 18.3)");
}

TEST_F(PolicyTour, ReportSectionIsWellFormedAndTellsTheStory) {
  const auto outcome = run();
  ASSERT_TRUE(outcome) << outcome.error().text();
  run::Report report;
  report.title = "tour";
  for (const run::ReportBlock& block : outcome->blocks) report.add(block);
  const std::string html = run::to_html(report);
  EXPECT_EQ(run::read_markup(html).error, "");
  EXPECT_THAT(html, HasSubstr("+16.0"));
  EXPECT_THAT(html, HasSubstr("118 villages as clusters"));
  EXPECT_THAT(html, HasSubstr("<svg"));
}

// The commands that the report prints make the same policy and the same verdict from the files in the step's folder.
TEST_F(PolicyTour, ItsCommandsMakeTheSameAgain) {
  const auto outcome = run();
  ASSERT_TRUE(outcome) << outcome.error().text();
  TestHost host;
  const std::string model = file("again.model.json"), policy = file("again.policy.json");
  ASSERT_EQ(host.run({"policy",
                      "fit",
                      file("train.csv"),
                      "--outcome",
                      "got",
                      "--action",
                      "incentive",
                      "--arms",
                      "none,up to 100,over 100",
                      "--features",
                      "distance_km,age,hiv2004",
                      "--cluster",
                      "village",
                      "--propensity",
                      "shares",
                      "--learner",
                      "ols",
                      "--variance",
                      "arm",
                      "--folds",
                      "1",
                      "-o",
                      model}),
            0)
      << host.err;
  ASSERT_EQ(host.run({"policy", "choose", model, "--population", file("test.csv"), "--n-test", "60", "--select", "power:0.8",
                      "-o", policy}),
            0)
      << host.err;
  const auto ours = JsonView::read_file(file("policy.json")), again = JsonView::read_file(policy);
  ASSERT_TRUE(ours && again);
  EXPECT_EQ(*ours->number("lambda"), *again->number("lambda"));
  ASSERT_EQ(host.run({"policy", "evaluate", policy, file("test.csv")}), 0) << host.err;
  EXPECT_THAT(host.out, HasSubstr("+0.160 per unit (95 % CI 0.137 to 0.183)"));
}

TEST_F(PolicyTour, NamesTheFileThatIsMissing) {
  const auto outcome = run(file("nowhere"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(outcome.error().text(), HasSubstr("thornton_hiv.csv"));
}

TEST_F(PolicyTour, DoctorFindsTheExampleData) {
  const std::vector<run::DoctorCheck> checks = policy_doctor_checks();
  ASSERT_EQ(checks.size(), 1U);
  const run::DoctorResult result = checks.front().run();
  EXPECT_EQ(result.state, run::DoctorState::kOk);
  EXPECT_THAT(result.detail, HasSubstr("policy/thornton_hiv.csv"));
}

}  // namespace
}  // namespace gimbal::cli
