#include "gimbal/policy/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/balance.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/stats/bootstrap.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/descriptive.h"
#include "gimbal/stats/distributions.h"
#include "gimbal/stats/multiplicity.h"

namespace gimbal::policy {
std::string_view adjust_name(Adjust adjust) {
  switch (adjust) {
    case Adjust::kHolm:
      return "holm";
    case Adjust::kFixedSequence:
      return "fixed-sequence";
    case Adjust::kNone:
      return "none";
  }
  return "none";
}

Result<Adjust> parse_adjust(std::string_view text) {
  for (const Adjust adjust : {Adjust::kHolm, Adjust::kFixedSequence, Adjust::kNone})
    if (text == adjust_name(adjust)) return adjust;
  return fail_at("--adjust", ErrorCode::kUsage, "expected holm, fixed-sequence or none; found {}", gimbal::quoted(text));
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kBetter:
      return "better";
    case Verdict::kWorse:
      return "worse";
    case Verdict::kInconclusive:
      return "inconclusive";
  }
  return "inconclusive";
}

bool Evaluation::all_better() const {
  return std::all_of(policies.begin(), policies.end(), [](const auto& p) { return p.verdict == Verdict::kBetter; });
}

bool Evaluation::poor_overlap() const {
  return std::any_of(policies.begin(), policies.end(), [](const auto& p) { return p.poor_overlap; });
}

namespace {

constexpr double kMaxWeight = 50;      // larger weights let single rows decide the estimate
constexpr double kMinEssShare = 0.05;  // effective sample below 5 % of n
constexpr std::array kScores = {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr};

// What one evaluation shares between its parts.
struct Context {
  const Logged& logged;
  std::span<const double> weight;
  const EvaluationSpec& spec;
  double z_interval;  // intervals are two-sided for both settings of `side`

  std::span<const std::int64_t> cluster() const { return logged.cluster; }
};

double p_value(double z, Side side) {
  return side == Side::kTwo ? 2 * stats::normal_upper(std::fabs(z)) : stats::normal_upper(z);
}

Result<Estimate> estimate(std::span<const double> psi, const Context& context) {
  GIMBAL_TRY(const stats::MeanEstimate mean, stats::mean_with_se(psi, context.weight, context.cluster()));
  Estimate out;
  out.tau = mean.mean;
  out.se = mean.se;
  out.ci_low = mean.mean - context.z_interval * mean.se;
  out.ci_high = mean.mean + context.z_interval * mean.se;
  if (mean.se > 0) {
    out.z = mean.mean / mean.se;
    out.p = p_value(*out.z, context.spec.side);
  }
  return out;
}

Result<Estimates> all_estimates(const UnitScores& units, double c0, const Context& context) {
  Estimates out;
  for (const Score score : kScores) {
    if (score == Score::kDr && units.dr_policy.empty()) continue;
    const std::vector<double> psi = score_column(units, context.logged.outcome, context.weight, score, c0);
    GIMBAL_TRY(out[static_cast<std::size_t>(score)], estimate(psi, context));
  }
  return out;
}

// Value and standard error of one policy from its weights (self-normalized) or its dr scores.
Result<stats::MeanEstimate> value_of(const std::vector<double>& w, const std::vector<double>& dr, const Context& context) {
  if (context.spec.primary == Score::kDr) return stats::mean_with_se(dr, context.weight, context.cluster());
  const std::vector<double>& outcome = context.logged.outcome;
  const SelfNormalized own = self_normalized(w, outcome, context.weight);
  std::vector<double> psi(w.size());
  for (std::size_t i = 0; i < w.size(); ++i) psi[i] = own.value + w[i] * (outcome[i] - own.value) / own.mean_weight;
  return stats::mean_with_se(psi, context.weight, context.cluster());
}

// Rows or clusters with the sums that the self-normalized estimate is made of, so that a replicate costs one pass over them.
struct RatioGroup {
  double omega = 0, w = 0, wy = 0, w_baseline = 0, wy_baseline = 0;
};

stats::StatisticValue ratio_statistic(const std::vector<RatioGroup>& groups, std::span<const double> count) {
  RatioGroup sum;
  double drawn = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    drawn += count[g];
    sum.omega += count[g] * groups[g].omega;
    sum.w += count[g] * groups[g].w;
    sum.wy += count[g] * groups[g].wy;
    sum.w_baseline += count[g] * groups[g].w_baseline;
    sum.wy_baseline += count[g] * groups[g].wy_baseline;
  }
  const double value = sum.wy / sum.w, value_baseline = sum.wy_baseline / sum.w_baseline;
  double squares = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const double psi = (groups[g].wy - value * groups[g].w) / sum.w -
                       (groups[g].wy_baseline - value_baseline * groups[g].w_baseline) / sum.w_baseline;
    squares += count[g] * psi * psi;
  }
  return {value - value_baseline, std::sqrt(drawn / (drawn - 1) * squares)};
}

std::vector<RatioGroup> ratio_groups(const UnitScores& units, const Context& context) {
  const std::size_t n = context.logged.outcome.size();
  const std::vector<std::int64_t> ids = stats::dense_ids(context.cluster());
  std::vector<RatioGroup> groups(ids.empty() ? n : static_cast<std::size_t>(*std::max_element(ids.begin(), ids.end())) + 1);
  for (std::size_t i = 0; i < n; ++i) {
    RatioGroup& group = groups[ids.empty() ? i : static_cast<std::size_t>(ids[i])];
    const double omega = context.weight.empty() ? 1.0 : context.weight[i];
    const double y = context.logged.outcome[i];
    group.omega += omega;
    group.w += omega * units.w_policy[i];
    group.wy += omega * units.w_policy[i] * y;
    group.w_baseline += omega * units.w_baseline[i];
    group.wy_baseline += omega * units.w_baseline[i] * y;
  }
  return groups;
}

Result<BootstrapInterval> bootstrap_interval(const UnitScores& units, const TestedPolicy& policy, const Context& context) {
  const BootstrapRequest& request = *context.spec.bootstrap;
  stats::BootstrapOptions options;
  options.kind = stats::BootstrapKind::kStudentized;
  options.draws = static_cast<std::size_t>(request.draws);
  options.level = 1 - context.spec.alpha;
  options.stream = [&](std::uint64_t replicate) { return Stream(request.seed, "policy.bootstrap", policy.name, replicate); };
  stats::BootstrapInterval interval;
  if (context.spec.primary == Score::kSnips) {
    const std::vector<RatioGroup> groups = ratio_groups(units, context);
    const auto statistic = [&](std::span<const double> count) { return ratio_statistic(groups, count); };
    GIMBAL_TRY(interval, stats::bootstrap({groups.size(), {}}, statistic, options));
  } else {
    const std::vector<double> psi =
        score_column(units, context.logged.outcome, context.weight, context.spec.primary, policy.c0);
    GIMBAL_TRY(interval, stats::bootstrap_mean(psi, context.weight, context.cluster(), options));
  }
  return BootstrapInterval{request.draws, interval.lo, interval.hi};
}

template <typename T>
std::vector<T> pick(std::span<const T> values, std::span<const std::size_t> rows) {
  std::vector<T> out;
  if (values.empty()) return out;
  out.reserve(rows.size());
  for (const std::size_t row : rows) out.push_back(values[row]);
  return out;
}

// The improvement within one level; snips is normalized within it.
Result<Subgroup> subgroup(const UnitScores& units, const TestedPolicy& policy, const Context& context, const Grouping& grouping,
                          std::size_t level, std::span<const std::size_t> rows) {
  Subgroup out;
  out.column = grouping.column;
  out.level = grouping.levels[level];
  out.n = static_cast<std::int64_t>(rows.size());
  const std::vector<double> weight = pick(context.weight, rows);
  const bool positive = context.weight.empty() || std::any_of(weight.begin(), weight.end(), [](double w) { return w > 0; });
  if (rows.empty() || !positive) return out;
  UnitScores part;
  part.w_policy = pick<double>(units.w_policy, rows);
  part.w_baseline = pick<double>(units.w_baseline, rows);
  part.dr_policy = pick<double>(units.dr_policy, rows);
  part.dr_baseline = pick<double>(units.dr_baseline, rows);
  part.equals_baseline = units.equals_baseline;
  const std::vector<double> outcome = pick<double>(context.logged.outcome, rows);
  const std::vector<std::int64_t> cluster = pick<std::int64_t>(context.cluster(), rows);
  const std::vector<double> psi = score_column(part, outcome, weight, context.spec.primary, policy.c0);
  const auto mean = stats::mean_with_se(psi, weight, cluster);
  if (!mean) {  // one unit or one cluster: a mean without a standard error
    if (mean.error().code != ErrorCode::kInsufficientData) return fail(mean.error());
    GIMBAL_TRY(out.tau, stats::weighted_mean(psi, weight));
    return out;
  }
  out.tau = mean->mean;
  out.se = mean->se;
  out.ci_low = mean->mean - context.z_interval * mean->se;
  out.ci_high = mean->mean + context.z_interval * mean->se;
  if (mean->se > 0) out.p = p_value(mean->mean / mean->se, context.spec.side);
  return out;
}

Result<std::vector<Subgroup>> subgroups(const UnitScores& units, const TestedPolicy& policy, const Context& context) {
  std::vector<Subgroup> out;
  for (const Grouping& grouping : context.spec.groupings) {
    GIMBAL_CHECK(grouping.level_of.size() == units.w_policy.size(), "a grouping has one level a unit");
    std::vector<std::vector<std::size_t>> rows(grouping.levels.size());
    for (std::size_t i = 0; i < grouping.level_of.size(); ++i)
      if (grouping.level_of[i] >= 0) rows[static_cast<std::size_t>(grouping.level_of[i])].push_back(i);
    const std::size_t first = out.size();
    std::vector<double> p;
    for (std::size_t level = 0; level < rows.size(); ++level) {
      GIMBAL_TRY(auto row, subgroup(units, policy, context, grouping, level, rows[level]));
      if (row.p) p.push_back(*row.p);
      out.push_back(std::move(row));
    }
    if (p.empty()) continue;
    GIMBAL_TRY(const std::vector<double> adjusted, stats::holm(p));
    std::size_t next = 0;
    for (std::size_t k = first; k < out.size(); ++k)
      if (out[k].p) out[k].p_adjusted = adjusted[next++];
  }
  return out;
}

// Adjusted p-values of a family; a member without a p-value counts as 1 and stays without.
Result<std::vector<std::optional<double>>> adjust_family(const std::vector<std::optional<double>>& p, Adjust adjust) {
  std::vector<std::optional<double>> out(p.size());
  if (p.empty()) return out;
  std::vector<double> plain;
  for (const auto& value : p) plain.push_back(value.value_or(1.0));
  if (adjust == Adjust::kHolm) {
    GIMBAL_TRY(plain, stats::holm(plain));
  } else if (adjust == Adjust::kFixedSequence) {
    GIMBAL_TRY(plain, stats::fixed_sequence(plain));
  }
  for (std::size_t k = 0; k < p.size(); ++k)
    if (p[k]) out[k] = plain[k];
  return out;
}

Verdict judge(std::optional<double> p_adjusted, double tau, const EvaluationSpec& spec) {
  if (!p_adjusted || *p_adjusted > spec.alpha || tau == 0) return Verdict::kInconclusive;
  if (tau > 0) return Verdict::kBetter;
  return spec.side == Side::kTwo ? Verdict::kWorse : Verdict::kInconclusive;
}

// Fills p_adjusted and verdict of policies or contrasts.
template <typename Item>
Result<void> judge_family(std::vector<Item>& items, const EvaluationSpec& spec) {
  const auto primary = static_cast<std::size_t>(spec.primary);
  std::vector<std::optional<double>> p;
  for (const Item& item : items) p.push_back(item.estimates[primary]->p);
  GIMBAL_TRY(const auto adjusted, adjust_family(p, spec.adjust));
  for (std::size_t k = 0; k < items.size(); ++k) {
    items[k].p_adjusted = adjusted[k];
    items[k].verdict = judge(adjusted[k], items[k].estimates[primary]->tau, spec);
  }
  return {};
}

Result<PolicyEvaluation> evaluate_one(const TestedPolicy& policy, const Context& context) {
  const EvaluationSpec& spec = context.spec;
  GIMBAL_TRY(const UnitScores units, unit_scores(context.logged, context.weight, policy));
  if (spec.primary == Score::kDr && units.dr_policy.empty())
    return fail_at("--score", ErrorCode::kUsage,
                   "dr needs predictions of the outcome, and policy {} has none; give prediction columns "
                   "or choose --score cipw or snips",
                   gimbal::quoted(policy.name));
  PolicyEvaluation out;
  out.name = policy.name;
  GIMBAL_TRY(out.estimates, all_estimates(units, policy.c0, context));
  GIMBAL_TRY(const auto value, value_of(units.w_policy, units.dr_policy, context));
  GIMBAL_TRY(const auto value_b, value_of(units.w_baseline, units.dr_baseline, context));
  const double sign = spec.minimize ? -1.0 : 1.0;
  out.value = {sign * value.mean, value.se, sign * value_b.mean, value_b.se};
  if (spec.bootstrap && out.estimates[static_cast<std::size_t>(spec.primary)]->se > 0) {
    GIMBAL_TRY(out.bootstrap, bootstrap_interval(units, policy, context));
  }
  GIMBAL_TRY(out.subgroups, subgroups(units, policy, context));
  out.predicted = policy.predicted;
  out.shares = units.shares;
  out.moved = units.moved;
  out.ess = units.ess;
  out.max_weight = units.max_weight;
  out.poor_overlap =
      units.max_weight > kMaxWeight || units.ess < kMinEssShare * static_cast<double>(context.logged.outcome.size());
  return out;
}

Result<ContrastEvaluation> contrast(const TestedPolicy& policy, const TestedPolicy& against, const Context& context) {
  ContrastEvaluation out;
  out.policy = policy.name;
  out.against = against.name;
  if (!policy.pi_logged.empty()) {
    // Only W is known of either policy: ipw-type scores of the difference of their weights.
    GIMBAL_TRY(UnitScores units, unit_scores(context.logged, context.weight, policy));
    GIMBAL_TRY(UnitScores other, unit_scores(context.logged, context.weight, against));
    units.w_baseline = std::move(other.w_policy);
    units.equals_baseline = units.w_policy == units.w_baseline;
    GIMBAL_TRY(out.estimates, all_estimates(units, policy.c0, context));
    return out;
  }
  TestedPolicy difference = policy;
  difference.b = against.pi;
  GIMBAL_TRY(const UnitScores units, unit_scores(context.logged, context.weight, difference));
  GIMBAL_TRY(out.estimates, all_estimates(units, policy.c0, context));
  return out;
}

// Remarks that concern the test set as a whole.
void warn_about_test_set(const Context& context, std::optional<std::int64_t> clusters, std::vector<Warning>& warnings) {
  std::vector<std::int64_t> rows(context.spec.arms.size(), 0);
  for (const int a : context.logged.action)
    if (static_cast<std::size_t>(a) < rows.size()) ++rows[static_cast<std::size_t>(a)];
  if (!context.logged.action.empty()) {
    if (auto warning = few_units_warning(context.spec.arms, rows, "test units")) warnings.push_back(*warning);
  }
  if (clusters && *clusters < kFewUnits)
    warnings.push_back(
        {"few_clusters",
         fmt::format("{} clusters only; clustered standard errors tend to be too small below {}", *clusters, kFewUnits),
         *clusters});
}

std::string overlap_message(const PolicyEvaluation& policy, std::int64_t n) {
  return fmt::format(
      "policy {}: poor overlap with the logged behaviour: largest weight {}, effective sample size {} of {} units; a few "
      "units decide the estimate",
      gimbal::quoted(policy.name), format_significant(policy.max_weight, 4), format_significant(policy.ess, 4), n);
}

void warn_about_policy(const PolicyEvaluation& policy, const Context& context, std::optional<std::int64_t> clusters,
                       std::vector<Warning>& warnings) {
  if (policy.poor_overlap)
    warnings.push_back(
        {"overlap", overlap_message(policy, static_cast<std::int64_t>(context.logged.outcome.size())), std::nullopt});
  const Estimate& primary = *policy.estimates[static_cast<std::size_t>(context.spec.primary)];
  // All scores estimate the same improvement; intervals that lie apart cannot both be right.
  const bool few =
      context.logged.outcome.size() < static_cast<std::size_t>(kFewUnits) || clusters.value_or(kFewUnits) < kFewUnits;
  for (const auto& other : policy.estimates) {
    if (few || !other || (other->ci_low <= primary.ci_high && primary.ci_low <= other->ci_high)) continue;
    const auto score = static_cast<Score>(&other - policy.estimates.data());
    if (score == Score::kIpw) continue;  // moves with the origin of the outcome
    warnings.push_back(
        {"scores_disagree",
         fmt::format("policy {}: the intervals of {} ({} to {}) and {} ({} to {}) do not meet; the propensities "
                     "or the predictions are wrong",
                     gimbal::quoted(policy.name), score_name(context.spec.primary), format_significant(primary.ci_low, 3),
                     format_significant(primary.ci_high, 3), score_name(score), format_significant(other->ci_low, 3),
                     format_significant(other->ci_high, 3)),
         std::nullopt});
    break;
  }
  if (primary.se == 0)
    warnings.push_back(
        {"no_variation",
         fmt::format("policy {}: the {} score is the same for every test unit{}, so its standard error is 0 and there is no "
                     "test",
                     gimbal::quoted(policy.name), score_name(context.spec.primary),
                     primary.tau == 0 ? " (the policy equals the baseline on them)" : ""),
         std::nullopt});
}

// Levels that are the same for every policy of a test are named once.
void warn_about_subgroups(const std::vector<PolicyEvaluation>& policies, std::vector<Warning>& warnings) {
  if (policies.empty()) return;
  std::vector<std::string> small;
  for (const Subgroup& group : policies.front().subgroups)
    if (group.n < kFewUnits) small.push_back(fmt::format("{}={} ({})", group.column, group.level, group.n));
  if (small.empty()) return;
  const auto count = static_cast<std::int64_t>(small.size());
  warnings.push_back({"few_units_in_group",
                      fmt::format("groups of fewer than {} test units: {}; their standard errors and p-values are doubtful",
                                  kFewUnits, list_some(small)),
                      count});
}

}  // namespace

Result<Evaluation> evaluate(const Logged& logged, std::span<const double> weight, std::span<const TestedPolicy> policies,
                            const EvaluationSpec& spec) {
  if (!(spec.alpha > 0 && spec.alpha <= 0.5))
    return fail_at("--alpha", ErrorCode::kUsage, "expected a level in (0, 0.5], found {:.6g}", spec.alpha);
  if (spec.bootstrap && spec.bootstrap->draws < kFewestBootstrapDraws)
    return fail_at("--bootstrap", ErrorCode::kUsage, "expected at least {} draws, found {}", kFewestBootstrapDraws,
                   spec.bootstrap->draws);
  const Context context{logged, weight, spec, stats::normal_quantile(1 - spec.alpha / 2)};
  Evaluation out;
  out.spec = spec;
  out.n = static_cast<std::int64_t>(logged.outcome.size());
  if (!logged.cluster.empty()) {
    const std::vector<std::int64_t> ids = stats::dense_ids(logged.cluster);
    out.clusters = *std::max_element(ids.begin(), ids.end()) + 1;
  }
  warn_about_test_set(context, out.clusters, out.warnings);
  for (const TestedPolicy& policy : policies) {
    GIMBAL_TRY(auto one, evaluate_one(policy, context));
    warn_about_policy(one, context, out.clusters, out.warnings);
    out.policies.push_back(std::move(one));
  }
  if (const Matrix* e = policies.empty() ? nullptr : policies.front().e; e && e->cols() == spec.arms.size()) {
    if (auto warning = propensity_warning({spec.arms, logged, weight, *e})) out.warnings.push_back(*std::move(warning));
  }
  warn_about_subgroups(out.policies, out.warnings);
  GIMBAL_TRY(judge_family(out.policies, spec));
  for (const auto& [first, second] : spec.contrasts) {
    GIMBAL_CHECK(first < policies.size() && second < policies.size(), "a contrast names two policies of the test");
    GIMBAL_TRY(auto one, contrast(policies[first], policies[second], context));
    out.contrasts.push_back(std::move(one));
  }
  GIMBAL_TRY(judge_family(out.contrasts, spec));
  return out;
}

std::optional<Error> Evaluation::overlap_error() const {
  for (const PolicyEvaluation& policy : policies)
    if (policy.poor_overlap) return Error{ErrorCode::kInsufficientData, overlap_message(policy, n), {}, "--strict"};
  return std::nullopt;
}

std::string summary_line(const PolicyEvaluation& policy, const EvaluationSpec& spec) {
  const Estimate& primary = *policy.estimates[static_cast<std::size_t>(spec.primary)];
  const auto baseline = parse_baseline(spec.baseline);
  const std::string against = baseline ? baseline->words() : spec.baseline;
  const int decimals = decimals_for(primary.ci_high - primary.ci_low);
  const auto fixed = [&](double x) { return decimal_text(x, decimals); };
  const auto signed_number = [&](double x) { return (x > 0 ? "+" : "") + fixed(x); };
  std::string line = fmt::format("{}: {} per unit ({} CI {} to {})", policy.name, signed_number(primary.tau),
                                 level_words(spec.alpha), fixed(primary.ci_low), fixed(primary.ci_high));
  if (policy.p_adjusted) line += ", " + format_p_value(*policy.p_adjusted);
  switch (policy.verdict) {
    case Verdict::kBetter:
      line += ": better than " + against;
      break;
    case Verdict::kWorse:
      line += ": worse than " + against;
      break;
    case Verdict::kInconclusive:
      line += ": inconclusive against " + against;
      break;
  }
  if (policy.predicted) {
    const auto& promise = policy.predicted->tau_honest ? policy.predicted->tau_honest : policy.predicted->tau;
    if (promise) line += "; predicted " + signed_number(*promise);
  }
  return line;
}

}  // namespace gimbal::policy
