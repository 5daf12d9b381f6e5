#include "gimbal/cli/policy_tour.h"

#include <cmath>
#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/paths.h"
#include "gimbal/cli/policy_choose.h"
#include "gimbal/cli/policy_evaluate.h"
#include "gimbal/cli/policy_fit.h"
#include "gimbal/data/csv.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::cli {
namespace {

constexpr const char* kDataFile = "policy/thornton_hiv.csv";
constexpr double kPlannedTest = 60;  // people
constexpr const char* kRule = "power:0.8";

std::string in_folder(const std::string& folder, const char* name) { return (std::filesystem::path(folder) / name).string(); }

policy::DataFlags voucher_columns() {
  policy::DataFlags flags;
  flags.outcome = "got";
  flags.action = "incentive";
  flags.arms = {"none", "up to 100", "over 100"};
  flags.features = {"distance_km", "age", "hiv2004"};
  flags.cluster = "village";
  flags.propensity = policy::PropensitySpec{policy::PropensitySpec::Kind::kShares, ""};
  return flags;
}

// Least squares in each arm on all training rows: nothing random, and the same numbers as in the tests that reproduce the
// study.
policy::FitSpec voucher_fit() {
  policy::FitSpec spec;
  spec.learner = policy::Learner::kOls;
  spec.variance = policy::VarianceKind::kArm;
  spec.folds = 1;
  return spec;
}

policy::Wording voucher_wording() {
  policy::Wording wording;
  wording.outcome = "results learned";
  wording.unit = "person";
  wording.units = "people";
  wording.binary = true;
  return wording;
}

std::string per_hundred(double improvement, bool sign) {
  const std::string text = fmt::format("{:.1f}", 100 * improvement);
  return sign && improvement >= 0 ? "+" + text : text;
}

// What the step found; kept together for the texts and the pictures.
struct VoucherStudy {
  std::string train, test, model, policy;  // files in the step's folder
  policy::LoadedFrontier loaded;
  policy::FrontierDocument document;
  ChosenPoint chosen;
  std::int64_t train_rows = 0;
  policy::Evaluation evaluation;

  const policy::PolicyEvaluation& tested() const { return evaluation.policies.front(); }
  const policy::Estimate& estimate() const { return *tested().estimates[static_cast<std::size_t>(policy::Score::kDr)]; }
};

Result<void> split_rows_of_the_trial(const run::TourContext& tour, const VoucherStudy& study) {
  data::CsvOptions csv;
  csv.text_columns = {"incentive", "village"};
  GIMBAL_TRY(const data::DataTable trial, data::read_table(in_folder(tour.data_folder, kDataFile), csv));
  std::vector<std::size_t> train, test;
  for (std::size_t i = 0; i < trial.rows(); ++i) (i % 4 < 2 ? train : test).push_back(i);
  GIMBAL_TRY(write_atomic(study.train, data::to_csv(trial.select_rows(train))));
  return write_atomic(study.test, data::to_csv(trial.select_rows(test)));
}

Result<void> fit_models(const run::TourContext& tour, VoucherStudy& study) {
  GIMBAL_TRY(policy::LoggedData rows, policy::load_logged(study.train, voucher_columns()));
  study.train_rows = static_cast<std::int64_t>(rows.rows());
  policy::CrossfitHooks hooks;
  hooks.stop = tour.stop;
  GIMBAL_TRY(policy::CrossfitResult fitted, policy::crossfit(std::move(rows), voucher_columns(), voucher_fit(), hooks));
  fitted.model.training.path = study.train;
  GIMBAL_TRY(fitted.model.training.sha256, sha256_file(study.train));
  return write_model(fitted, study.model);
}

Result<void> choose_policy(VoucherStudy& study) {
  policy::FrontierRequest request;
  request.model = study.model;
  request.population = study.test;  // covariates alone; no outcome of the test is looked at
  request.n_test = kPlannedTest;
  GIMBAL_TRY(study.loaded, policy::load_frontier(request));
  GIMBAL_TRY(study.document, policy::solve_document(study.loaded));
  GIMBAL_TRY(study.chosen, choose_point(study.loaded, kRule, policy::CurveKind::kPlugin, ""));
  if (!study.chosen.stands()) return fail(ErrorCode::kInfeasible, "{}: {}", kRule, study.chosen.choice.why);
  const policy::PolicyFile file = policy::make_policy(study.loaded, study.chosen.point, kRule, study.chosen.curve, false);
  return write_atomic(study.policy, file.text() + "\n");
}

Result<void> evaluate_on_the_others(VoucherStudy& study) {
  GIMBAL_TRY(const policy::PolicyFile file, policy::read_policy_file(study.policy));
  GIMBAL_TRY(const policy::LoggedData rows, policy::load_logged(study.test, file.data));
  PreparedTest counts;
  GIMBAL_TRY(const PreparedPolicy prepared,
             prepare_policy(file, "policy.json", rows.table, "", data::UnknownCategory::kError, counts));
  policy::EvaluationSpec spec;
  spec.arms = rows.arms;
  const policy::TestedPolicy tested = prepared.tested();
  GIMBAL_TRY(study.evaluation, policy::evaluate(rows.logged, rows.weight, {&tested, 1}, spec));
  return {};
}

std::string share_sentence(const policy::PolicyEvaluation& tested, const std::vector<std::string>& arms) {
  std::vector<std::string> parts;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    parts.push_back(fmt::format("*{}* to {} %", arms[a], fmt::format("{:.1f}", 100 * tested.shares[a])));
  }
  return join(parts, ", ");
}

std::vector<run::ReportBlock> report_blocks(const VoucherStudy& study) {
  const policy::Estimate& estimate = study.estimate();
  const policy::FrontierPoint& point = study.chosen.point;
  const policy::Wording wording = voucher_wording();
  std::vector<run::ReportBlock> blocks;
  blocks.push_back(run::KeyFigures{
      {{"tested improvement", per_hundred(estimate.tau, true), "per 100 people",
        fmt::format("95 % CI {} to {}", per_hundred(estimate.ci_low, false), per_hundred(estimate.ci_high, false))},
       {"promised by the models", per_hundred(point.moments.tau, true), "per 100 people", "before the test was looked at"},
       {"people the promise needs", format_count(std::llround(policy::whole_units(point.units_required))), "",
        "for 80 % power, as independent people"}}});
  blocks.push_back(run::Paragraphs{fmt::format(
      "In rural Malawi people who had been tested for HIV drew a cash voucher at random, paid when they came for their result. "
      "The outcome is whether they came. The question: who should get which voucher, so that more people learn their result, "
      "and so that a later test can show it?\n\n"
      "The models were fitted on {} people. Of all policies on the frontier the chosen one has the largest improvement that a "
      "test of {} people still confirms with a probability of 80 %. It gives {} of the {} people of the test.\n\n"
      "On those people, who had no part in fitting, it gains {} results learned per 100 people over the lottery (95 % CI {} to "
      "{}; {} villages as clusters).",
      format_count(study.train_rows), fmt::format("{:.0f}", kPlannedTest),
      share_sentence(study.tested(), study.loaded.frontier->arms()), format_count(study.evaluation.n),
      per_hundred(estimate.tau, true), per_hundred(estimate.ci_low, false), per_hundred(estimate.ci_high, false),
      format_count(study.evaluation.clusters.value_or(0)))});

  policy::FrontierHighlights highlights;
  highlights.chosen = &point;
  highlights.tested = &study.tested();
  highlights.test_units = study.evaluation.n;
  highlights.wording = wording;
  blocks.push_back(run::Figure{policy::frontier_chart(study.document, highlights),
                               "Every point of the curve is a policy that no other beats in both goals. To the right policies "
                               "gain more; further up a test of 60 people confirms the gain more often. The cross is what the "
                               "test found."});
  const policy::Table& population = study.loaded.frontier->model().table();
  blocks.push_back(run::Figure{
      policy::shares_chart(study.loaded.frontier->arms(), policy::mean_shares(population.e, population.weight),
                           point.summary.shares, "logging", wording),
      "Each line leads from the share of the people who got a voucher in the lottery to their share under the policy."});
  blocks.push_back(run::Figure{policy::evaluation_chart(study.evaluation, wording),
                               "Four ways to score the policy on the same people. *dr* was fixed beforehand and gives the "
                               "verdict; the others should agree with it."});
  blocks.push_back(run::NoteBox{
      run::NoteKind::kNote, "What the tour leaves out",
      "The models were used on the rows that they were fitted to, so there is no honest curve, and the promised power treats "
      "people as independent. `gimbal policy run` cross-fits by default and counts villages in both."});
  const std::string folder = std::filesystem::path(study.policy).parent_path().string();
  blocks.push_back(run::CodeBlock{fmt::format("cd '{}'\n"
                                              "gimbal policy fit train.csv --outcome got --action incentive \\\n"
                                              "  --arms 'none,up to 100,over 100' --features distance_km,age,hiv2004 \\\n"
                                              "  --cluster village --propensity shares --learner ols --variance arm \\\n"
                                              "  --folds 1 -o model.json\n"
                                              "gimbal policy choose model.json --population test.csv --n-test {:.0f} \\\n"
                                              "  --select {} -o policy.json\n"
                                              "gimbal policy evaluate policy.json test.csv",
                                              folder, kPlannedTest, kRule),
                                  "The same with the command line:"});
  return blocks;
}

Result<run::TourOutcome> show_vouchers(const run::TourContext& tour) {
  VoucherStudy study;
  study.train = in_folder(tour.scratch_folder, "train.csv");
  study.test = in_folder(tour.scratch_folder, "test.csv");
  study.model = in_folder(tour.scratch_folder, "model.json");
  study.policy = in_folder(tour.scratch_folder, "policy.json");
  GIMBAL_TRY(split_rows_of_the_trial(tour, study));
  GIMBAL_TRY(fit_models(tour, study));
  GIMBAL_TRY(choose_policy(study));
  GIMBAL_TRY(evaluate_on_the_others(study));
  const policy::Estimate& estimate = study.estimate();
  run::TourOutcome outcome;
  outcome.what = fmt::format("who should get which voucher: fitted on {} people, tested on {} others",
                             format_count(study.train_rows), format_count(study.evaluation.n));
  outcome.headline =
      fmt::format("policy gains {} results learned per 100 people over the lottery (95 % CI {} to {})",
                  per_hundred(estimate.tau, true), per_hundred(estimate.ci_low, false), per_hundred(estimate.ci_high, false));
  outcome.blocks = report_blocks(study);
  return outcome;
}

run::DoctorResult check_policy_data() {
  const std::string folder = program_data_folder();
  const std::string file = folder.empty() ? "" : in_folder(folder, kDataFile);
  if (file.empty() || !exists(file)) {
    return {run::DoctorState::kWarn, "the example data of policy were not found",
            "work in the repository, or give the tour --data DIR; your own data need nothing"};
  }
  return {run::DoctorState::kOk, file, ""};
}

}  // namespace

std::vector<run::TourStep> policy_tour_steps() { return {{"policy", 5, show_vouchers}}; }

std::vector<run::DoctorCheck> policy_doctor_checks() { return {{"policy data", check_policy_data}}; }

}  // namespace gimbal::cli
