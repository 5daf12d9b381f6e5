// gimbal policy inspect: what one needs to know before fitting.
#include "gimbal/base/number.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/inspect.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string data;
  DataOptions columns;
  TestOptions test;
  std::optional<std::string> out;
};

std::string number(const std::optional<double>& value, int digits = 3) {
  return value ? format_significant(*value, digits) : "-";
}

void print_summary(CommandContext& context, const Flags& flags, const policy::Inspection& inspection) {
  std::string out =
      fmt::format("{}: {} rows, outcome \"{}\" ({}), mean {}, sd {}\n\n", flags.data, format_count(inspection.rows),
                  inspection.outcome.column, policy::outcome_kind_name(inspection.outcome.kind),
                  format_significant(inspection.outcome.mean, 4), format_significant(inspection.outcome.sd, 4));
  // Two digits of the smallest standard error, in every row.
  double smallest = policy::kInfinity;
  for (const auto& arm : inspection.arms) {
    if (arm.se && *arm.se > 0) smallest = std::min(smallest, *arm.se);
  }
  const int decimals = policy::decimals_for(4 * smallest);
  const auto fixed = [&](const std::optional<double>& value) { return value ? fixed_text(*value, decimals) : "-"; };
  TextTable arms({"arm", "rows", "share", "mean", "se", "propensity"});
  for (const auto& arm : inspection.arms) {
    std::string propensity = "-";
    if (arm.propensity_min) {
      propensity = number(arm.propensity_min);
      if (arm.propensity_min != arm.propensity_max) propensity += " to " + number(arm.propensity_max);
    }
    arms.row({arm.name, format_count(arm.rows), percent_text(arm.share), fixed(arm.mean), fixed(arm.se), propensity});
  }
  out += arms.text() + "\n";
  TextTable contrasts({"contrast", "difference", policy::level_words(flags.test.alpha) + " CI low", "high", "p"});
  for (const auto& contrast : inspection.contrasts) {
    contrasts.row({contrast.arm + " - " + contrast.against, signed_fixed(contrast.difference, decimals), fixed(contrast.ci_low),
                   fixed(contrast.ci_high), p_text(contrast.p)});
  }
  out += contrasts.text();
  if (inspection.minimum_detectable_improvement) {
    out += fmt::format(
        "\nSmallest improvement of \"everyone gets the best arm\" that this many rows confirm with 80 % power: {} per unit\n",
        format_significant(*inspection.minimum_detectable_improvement, 3));
  }
  if (!inspection.balance.empty()) {
    out += "\nLargest standardized mean differences between arms (below 0.1 is usual under randomization):\n";
    TextTable balance({"feature", "largest difference"});
    for (std::size_t f = 0; f < std::min<std::size_t>(8, inspection.balance.size()); ++f) {
      balance.row({inspection.balance[f].feature, number(inspection.balance[f].max_smd)});
    }
    out += balance.indent(2).text();
  }
  out += "\nNext: gimbal policy run, or gimbal policy fit\n";
  context.print(out);
}

Result<int> inspect(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const policy::DataFlags columns, data_flags(flags.columns));
  GIMBAL_TRY(const policy::Side side, parse_side(flags.test.side));
  GIMBAL_TRY(const policy::LoggedData data, policy::load_logged(flags.data, columns, {.propensity_needed = false}));
  context.lap("read");
  policy::InspectionInput input;
  input.outcome_column = columns.outcome;
  input.arms = data.arms;
  input.logged = data.logged;
  input.outcome_missing = static_cast<std::int64_t>(data.dropped_missing_outcome);
  input.weight = data.weight;
  input.e = data.e;
  input.minimize = columns.minimize;
  input.alpha = flags.test.alpha;
  input.side = side;
  if (columns.propensity && columns.propensity->kind == policy::PropensitySpec::Kind::kShares) {
    const std::vector<double> shares = policy::arm_shares(data.logged.action, data.weight, data.arms.size());
    input.e = Matrix(data.rows(), data.arms.size());
    for (std::size_t i = 0; i < data.rows(); ++i) std::copy(shares.begin(), shares.end(), input.e.row(i).begin());
  }
  if (columns.propensity && columns.propensity->is_estimated()) {
    // Balance and overlap are shown under the estimated propensities: cross-fitted, without outcome models.
    policy::FitSpec spec;
    spec.learner = policy::Learner::kMean;
    spec.seed = context.seed;
    GIMBAL_TRY(policy::CrossfitResult fit, policy::crossfit(data, columns, spec));
    input.e = fit.nuisance.table.e;
  }
  GIMBAL_TRY(const policy::BaselineSpec baseline, policy::parse_baseline(columns.baseline));
  if (baseline.kind == policy::BaselineSpec::Kind::kArm) {
    GIMBAL_TRY(input.baseline_arm, policy::find_arm(data.arms, baseline.argument, "--baseline"));
  }
  if (!input.e.empty()) {
    GIMBAL_TRY(input.b, policy::baseline_probabilities(columns.baseline, nullptr, data.arms, input.e, &data.table,
                                                       data::UnknownCategory::kError));
  }
  GIMBAL_TRY(const std::vector<data::FeatureSpec> features, policy::feature_columns(data.table, columns, {}, data.arms));
  for (const data::FeatureSpec& feature : features) input.features.push_back(data.table.find(feature.column));
  GIMBAL_TRY(const policy::Inspection inspection, policy::inspect(input));
  context.lap("compute");
  warn_count(context, "missing_outcome", data.dropped_missing_outcome, "row", "without an outcome skipped");
  forward_warnings(context, inspection.warnings);
  print_summary(context, flags, inspection);
  DocumentWriter document("gimbal.policy.inspection/1");
  policy::write_inspection_fields(document.json(), inspection);
  GIMBAL_TRY(finish_document(context, document, flags.out));
  return 0;
}

}  // namespace

Command policy_inspect_command() {
  auto flags = std::make_shared<Flags>();
  Command command("inspect", "Show what one needs to know of logged data before fitting.");
  command.description(
      "Arms, plain differences between them, balance of the covariates, and the smallest improvement that this many rows can "
      "confirm.");
  command.positional("DATA", &flags->data).file().help("logged data: one row a unit, CSV or CSV.gz");
  add_data_options(command, flags->columns);
  add_test_options(command, flags->test, false);
  add_out(command, &flags->out);
  command.example("gimbal policy inspect campaign.csv --outcome visit --action segment", "Needs no propensity.");
  command.run([flags](CommandContext& context) { return inspect(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
