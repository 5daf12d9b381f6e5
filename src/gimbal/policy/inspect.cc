#include "gimbal/policy/inspect.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/descriptive.h"
#include "gimbal/stats/distributions.h"

namespace gimbal::policy {
namespace {

constexpr double kTargetPower = 0.8;

struct Context {
  const InspectionInput& input;
  std::size_t n, arms;
  double sign;  // outcomes as they stand in the file

  double weight(std::size_t i) const { return input.weight.empty() ? 1.0 : input.weight[i]; }
  std::size_t arm(std::size_t i) const { return static_cast<std::size_t>(input.logged.action[i]); }
};

Result<void> check_input(const InspectionInput& input) {
  const std::size_t n = input.logged.outcome.size(), arms = input.arms.size();
  if (arms < 2) return fail(ErrorCode::kInvalidArgument, "at least two arms are needed, found {}", arms);
  if (n < 2) return fail(ErrorCode::kInsufficientData, "at least 2 rows are needed, found {}", n);
  const auto fits = [&](std::size_t size) { return size == 0 || size == n; };
  if (input.logged.action.size() != n || !fits(input.logged.cluster.size()) || !fits(input.weight.size()) ||
      !fits(input.e.rows()) || !fits(input.b.rows()))
    return fail(ErrorCode::kInvalidArgument, "outcome, action, cluster, weight and propensities need {} rows each", n);
  GIMBAL_TRY(stats::check_weights(input.weight, n));
  for (std::size_t i = 0; i < n; ++i) {
    const int a = input.logged.action[i];
    if (a < 0 || static_cast<std::size_t>(a) >= arms)
      return fail(ErrorCode::kInvalidArgument, "row {} (counted from 0) has arm {}, outside 0..{}", i, a, arms - 1);
    if (!input.e.empty() && !(input.e(i, static_cast<std::size_t>(a)) > 0))
      return fail(ErrorCode::kInvalidArgument, "row {} (counted from 0) was given an arm whose propensity is 0", i);
  }
  for (const data::Column* feature : input.features)
    if (feature->rows() != n)
      return fail(ErrorCode::kInvalidArgument, "feature {} has {} rows, not {}", gimbal::quoted(feature->name), feature->rows(),
                  n);
  return {};
}

Result<Inspection::Outcome> describe_outcome(const Context& context) {
  const std::vector<double>& y = context.input.logged.outcome;
  Inspection::Outcome out;
  out.column = context.input.outcome_column;
  out.missing = context.input.outcome_missing;
  const auto [low, high] = std::minmax_element(y.begin(), y.end());
  out.min = std::min(context.sign * *low, context.sign * *high);
  out.max = std::max(context.sign * *low, context.sign * *high);
  GIMBAL_TRY(const double mean, stats::weighted_mean(y, context.input.weight));
  out.mean = context.sign * mean;
  // Weighted variance with the factor n / (n - 1); the plain one without weights.
  NeumaierSum squares, total;
  for (std::size_t i = 0; i < y.size(); ++i) {
    squares += context.weight(i) * (y[i] - mean) * (y[i] - mean);
    total += context.weight(i);
  }
  const auto n = static_cast<double>(y.size());
  out.sd = std::sqrt(squares.value() / total.value() * n / (n - 1));
  std::vector<double> in_file(y);
  for (double& value : in_file) value *= context.sign;
  out.kind = outcome_kind(in_file);
  if (*low == *high)
    return fail(ErrorCode::kInsufficientData, "the outcome {} is {} in every row: there is nothing to learn from it",
                gimbal::quoted(out.column), out.min);
  return out;
}

std::vector<Inspection::Arm> describe_arms(const Context& context) {
  std::vector<Inspection::Arm> out(context.arms);
  double total = 0;
  for (std::size_t i = 0; i < context.n; ++i) total += context.weight(i);
  for (std::size_t a = 0; a < context.arms; ++a) {
    Inspection::Arm& arm = out[a];
    arm.name = context.input.arms[a];
    std::vector<double> y, weight;
    std::vector<std::int64_t> cluster;
    double of_arm = 0, w = 0, w2 = 0, low = kInfinity, high = -kInfinity;
    for (std::size_t i = 0; i < context.n; ++i) {
      if (!context.input.e.empty()) {
        low = std::min(low, context.input.e(i, a));
        high = std::max(high, context.input.e(i, a));
      }
      if (context.arm(i) != a) continue;
      y.push_back(context.sign * context.input.logged.outcome[i]);
      weight.push_back(context.weight(i));
      if (!context.input.logged.cluster.empty()) cluster.push_back(context.input.logged.cluster[i]);
      of_arm += weight.back();
      if (!context.input.e.empty()) {
        const double omega_w = weight.back() / context.input.e(i, a);
        w += omega_w;
        w2 += omega_w * omega_w;
      }
    }
    arm.rows = static_cast<std::int64_t>(y.size());
    arm.share = of_arm / total;
    if (!context.input.e.empty()) {
      arm.propensity_min = low;
      arm.propensity_max = high;
      arm.ess_all_in = w2 > 0 ? w * w / w2 : 0.0;
    }
    if (of_arm > 0) arm.mean = *stats::weighted_mean(y, weight);
    const auto estimate = stats::mean_with_se(y, weight, cluster);
    if (estimate) arm.se = estimate->se;  // one row or one cluster has none
  }
  return out;
}

// mean of `arm` minus mean of `against`. Independent rows: both arms' errors add up; clusters may hold both arms, so their
// influences are summed within clusters first.
Inspection::Contrast contrast(const Context& context, const std::vector<Inspection::Arm>& arms, std::size_t arm,
                              std::size_t against) {
  Inspection::Contrast out;
  out.arm = arms[arm].name;
  out.against = arms[against].name;
  out.difference = arms[arm].mean - arms[against].mean;
  if (!arms[arm].se || !arms[against].se) return out;
  if (context.input.logged.cluster.empty()) {
    out.se = std::hypot(*arms[arm].se, *arms[against].se);
  } else {
    double total = 0, share_arm = arms[arm].share, share_against = arms[against].share;
    for (std::size_t i = 0; i < context.n; ++i) total += context.weight(i);
    std::vector<double> influence(context.n, 0.0);
    for (std::size_t i = 0; i < context.n; ++i) {
      const double y = context.sign * context.input.logged.outcome[i];
      if (context.arm(i) == arm) influence[i] = (y - arms[arm].mean) / share_arm;
      if (context.arm(i) == against) influence[i] = -(y - arms[against].mean) / share_against;
    }
    const auto se = stats::clustered_se(influence, context.input.weight, context.input.logged.cluster);
    if (!se) return out;
    out.se = *se;
  }
  const double z = stats::normal_quantile(1 - context.input.alpha / 2);
  out.ci_low = out.difference - z * *out.se;
  out.ci_high = out.difference + z * *out.se;
  if (*out.se > 0) out.p = 2 * stats::normal_upper(std::fabs(out.difference) / *out.se);
  return out;
}

// z_req(0.8) SE of the cipw score of "the arm with the largest mean for everyone" against the baseline.
Result<std::optional<double>> minimum_detectable(const Context& context, const std::vector<Inspection::Arm>& arms) {
  std::size_t best = 0;
  for (std::size_t a = 1; a < context.arms; ++a)
    if (arms[a].rows > 0 && (arms[best].rows == 0 || context.sign * arms[a].mean > context.sign * arms[best].mean)) best = a;
  GIMBAL_TRY(const double c0, stats::weighted_mean(context.input.logged.outcome, context.input.weight));
  std::vector<double> psi(context.n);
  for (std::size_t i = 0; i < context.n; ++i) {
    const std::size_t a = context.arm(i);
    const double e = context.input.e.empty() ? arms[a].share : context.input.e(i, a);
    const double b = !context.input.b.empty() ? context.input.b(i, a) : e;
    psi[i] = ((a == best ? 1.0 : 0.0) - b) / e * (context.input.logged.outcome[i] - c0);
  }
  const auto estimate = stats::mean_with_se(psi, context.input.weight, context.input.logged.cluster);
  if (!estimate) return std::optional<double>();
  TestSpec test;
  test.n = static_cast<double>(context.n);
  test.alpha = context.input.alpha;
  test.side = context.input.side;
  return std::optional<double>(z_required(kTargetPower, test) * estimate->se);
}

}  // namespace

std::string_view outcome_kind_name(OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kBinary:
      return "binary";
    case OutcomeKind::kCount:
      return "count";
    case OutcomeKind::kContinuous:
      return "continuous";
  }
  return "continuous";
}

OutcomeKind outcome_kind(std::span<const double> outcome) {
  bool zero = false, one = false, binary = true;
  for (const double y : outcome) {
    if (y < 0 || y != std::floor(y)) return OutcomeKind::kContinuous;
    zero = zero || y == 0;
    one = one || y == 1;
    binary = binary && (y == 0 || y == 1);
  }
  return binary && zero && one ? OutcomeKind::kBinary : OutcomeKind::kCount;
}

Result<Inspection> inspect(const InspectionInput& input) {
  GIMBAL_TRY(check_input(input));
  const Context context{input, input.logged.outcome.size(), input.arms.size(), input.minimize ? -1.0 : 1.0};
  Inspection out;
  out.rows = static_cast<std::int64_t>(context.n);
  GIMBAL_TRY(out.outcome, describe_outcome(context));
  out.arms = describe_arms(context);
  const std::size_t against = input.baseline_arm.value_or(0);
  for (std::size_t a = 0; a < context.arms; ++a)
    if (a != against) out.contrasts.push_back(contrast(context, out.arms, a, against));

  out.balance = feature_balance(input.features, {input.arms, input.logged, input.weight, input.e});
  for (const data::Column* feature : input.features) {
    Inspection::Feature row;
    row.name = feature->name;
    row.numeric = feature->is_numeric();
    for (std::size_t i = 0; i < context.n; ++i) row.missing += feature->is_missing(i);
    if (!row.numeric) row.levels = static_cast<std::int64_t>(feature->levels.size());
    out.features.push_back(std::move(row));
  }
  GIMBAL_TRY(out.minimum_detectable_improvement, minimum_detectable(context, out.arms));
  if (input.e.empty())
    out.warnings.push_back(
        {"no_propensity",
         "propensities are not given: balance is unweighted, and the minimum detectable improvement takes the "
         "observed shares of the arms for them",
         std::nullopt});
  if (!input.e.empty()) {
    const Assignment assignment{input.arms, input.logged, input.weight, input.e};
    if (auto warning = propensity_warning(assignment)) out.warnings.push_back(*warning);
    if (auto warning = balance_warning(out.balance, assignment)) out.warnings.push_back(*warning);
  }
  std::vector<std::int64_t> rows;
  for (const Inspection::Arm& arm : out.arms) rows.push_back(arm.rows);
  if (auto warning = few_units_warning(input.arms, rows, "rows")) out.warnings.push_back(*warning);
  return out;
}

void write_inspection_fields(JsonWriter& out, const Inspection& inspection) {
  out.field("rows", inspection.rows);
  out.key("outcome")
      .begin_object()
      .field("column", inspection.outcome.column)
      .field("kind", outcome_kind_name(inspection.outcome.kind))
      .field("mean", inspection.outcome.mean)
      .field("sd", inspection.outcome.sd)
      .field("min", inspection.outcome.min)
      .field("max", inspection.outcome.max)
      .field("missing", inspection.outcome.missing)
      .end_object();
  out.key("arms").begin_array();
  for (const Inspection::Arm& arm : inspection.arms) {
    out.begin_object()
        .field("name", arm.name)
        .field("rows", arm.rows)
        .field("share", arm.share)
        .field("mean", arm.mean)
        .field("se", arm.se)
        .field("propensity_min", arm.propensity_min)
        .field("propensity_max", arm.propensity_max)
        .field("ess_all_in", arm.ess_all_in)
        .end_object();
  }
  out.end_array().key("contrasts").begin_array();
  for (const Inspection::Contrast& each : inspection.contrasts) {
    out.begin_object()
        .field("arm", each.arm)
        .field("against", each.against)
        .field("difference", each.difference)
        .field("se", each.se)
        .field("ci_low", each.ci_low)
        .field("ci_high", each.ci_high)
        .field("p", each.p)
        .end_object();
  }
  out.end_array().key("balance").begin_array();
  for (const FeatureBalance& each : inspection.balance)
    out.begin_object().field("feature", each.feature).field("max_smd", each.max_smd).end_object();
  out.end_array()
      .field("minimum_detectable_improvement", inspection.minimum_detectable_improvement)
      .key("features")
      .begin_array();
  for (const Inspection::Feature& each : inspection.features) {
    out.begin_object()
        .field("name", each.name)
        .field("kind", each.numeric ? "numeric" : "categorical")
        .field("missing", each.missing)
        .field("levels", each.levels)
        .end_object();
  }
  out.end_array();
}

}  // namespace gimbal::policy
