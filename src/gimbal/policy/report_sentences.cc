// The three sentences of a report: what was chosen, what was promised, what the test says.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/base/number.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/report.h"
#include "gimbal/run/report.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kArmsNamed = 4;

std::string code(std::string_view text) { return "`" + run::escape_emphasis(text) + "`"; }

// What a rule asks for, as the object of "the policy with ...".
std::string rule_words(const SelectRule& rule, const TestSpec& test, const Wording& wording) {
  const std::string units = count_words(test.n) + " " + wording.units;
  switch (rule.kind) {
    case SelectRule::Kind::kPower:
      return fmt::format("the largest improvement that a test of {} still confirms with a probability of at least {}", units,
                         percent_words(rule.value));
    case SelectRule::Kind::kMaxZ:
      return "the improvement that is easiest to prove, whatever its size";
    case SelectRule::Kind::kMaxTau:
      return "the largest expected improvement, whether a test can confirm it or not";
    case SelectRule::Kind::kTauPower:
      return fmt::format("the largest product of improvement and the probability that a test of {} confirms it", units);
    case SelectRule::Kind::kLcb:
      return fmt::format("the largest improvement after {} standard errors of a test of {} are taken off",
                         format_significant(rule.value, 3), units);
    case SelectRule::Kind::kLambda:
      return "the trade-off between improvement and variance that was asked for (" + lambda_words(rule.value) + ")";
    case SelectRule::Kind::kTau:
      return fmt::format("the least variance among those that gain at least {}", format_significant(rule.value, 3));
    case SelectRule::Kind::kShare:
      return fmt::format("the largest improvement that gives “{}” to at most {} of the {}", run::escape_emphasis(rule.arm),
                         percent_words(rule.value), wording.units);
  }
  return "";
}

std::string shares_words(const std::vector<std::string>& arms, const std::vector<double>& shares) {
  std::vector<std::size_t> order(std::min(arms.size(), shares.size()));
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (order.size() > kArmsNamed) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
    order.resize(kArmsNamed);
  }
  std::string out;
  for (std::size_t k = 0; k < order.size(); ++k) {
    const bool last = k + 1 == order.size() && order.size() == arms.size();
    if (k > 0) out += last ? " and " : ", ";
    out += fmt::format("“{}” to {}", run::escape_emphasis(shortened(arms[order[k]], 60)), percent_words(shares[order[k]]));
  }
  if (order.size() < arms.size()) out += fmt::format(" and the other {} arms to the rest", arms.size() - order.size());
  return out;
}

// "+0.160 got per unit", to the digits that an interval of this width deserves.
std::string improvement_words(double tau, double width, const Wording& wording) {
  std::string text = fixed_number(tau, decimals_for(width), true) + " " + run::escape_emphasis(wording.improvement_unit());
  if (wording.binary)
    text += fmt::format(" ({} per 100 {})", fixed_number(100 * tau, std::max(0, decimals_for(width) - 2), true), wording.units);
  return text;
}

std::string interval_words(double alpha, double low, double high) {
  const int decimals = decimals_for(high - low);
  return fmt::format("{} CI {} to {}", level_words(alpha), fixed_number(low, decimals, true),
                     fixed_number(high, decimals, true));
}

std::string chosen_sentence(const PolicyReportInput& input, const Wording& wording) {
  const Frontier& frontier = *input.frontier->loaded->frontier;
  const TestSpec& test = frontier.options().test;
  std::string text = "**Chosen:** ";
  if (input.fallback) {
    text += fmt::format("the rule {} asks for {}, which no policy reaches, so the point {} was taken in its place; ",
                        code(input.rule.text), rule_words(input.rule, test, wording), code(input.fallback_rule));
  } else {
    text += fmt::format(
        "of all policies on the frontier, the one with {} (rule {}, judged {}); ", rule_words(input.rule, test, wording),
        code(input.rule.text),
        input.curve == CurveKind::kHonest && input.chosen->honest ? "on held-out rows" : "by the models' own predictions");
  }
  const PolicySummary& summary = input.chosen->summary;
  text += fmt::format("it gives {} of the {} and moves {} of the probability away from {}.",
                      shares_words(frontier.arms(), summary.shares), wording.units, percent_words(summary.moved),
                      run::escape_emphasis(baseline_words(input.frontier->loaded->request.baseline)));
  return text;
}

std::string promised_sentence(const PolicyReportInput& input, const Wording& wording) {
  const LoadedFrontier& loaded = *input.frontier->loaded;
  const TestSpec& test = loaded.frontier->options().test;
  const std::string baseline = run::escape_emphasis(baseline_words(loaded.request.baseline));
  const FrontierPoint& chosen = *input.chosen;
  if (!chosen.honest) {
    return fmt::format(
        "**Promised:** the models expect {} over {}, which a test of {} {} would confirm with a probability of {}; no row was "
        "held out to check "
        "them, and models that pick the best policy by their own predictions promise too much.",
        improvement_words(chosen.moments.tau, 4 * chosen.se, wording), baseline, count_words(test.n), wording.units,
        percent_words(chosen.power));
  }
  const HonestPoint& h = *chosen.honest;
  return fmt::format(
      "**Promised:** on rows that its models had not seen, the policy gains {} over {} ({}), where the models themselves "
      "expect {}; a test of "
      "{} {} should confirm that with a probability of {}.",
      improvement_words(h.tau, h.tau_high - h.tau_low, wording), baseline, interval_words(test.alpha, h.tau_low, h.tau_high),
      fixed_number(chosen.moments.tau, decimals_for(h.tau_high - h.tau_low), true), count_words(test.n), wording.units,
      percent_words(h.power));
}

// How the promise stands to the test's interval.
std::string promise_against(const FrontierPoint& chosen, const Estimate& tested) {
  const double promise = chosen.honest ? chosen.honest->tau : chosen.moments.tau;
  const std::string number = fixed_number(promise, decimals_for(tested.ci_high - tested.ci_low), true);
  if (promise > tested.ci_high) return fmt::format("the promise of {} lies above the interval: too much was promised", number);
  if (promise < tested.ci_low)
    return fmt::format("the promise of {} lies below the interval: the policy does better than promised", number);
  return fmt::format("the promise of {} lies inside the interval", number);
}

std::string tested_sentence(const PolicyReportInput& input, const Wording& wording) {
  if (!input.evaluation || input.tested >= input.evaluation->policies.size()) {
    return "**Tested:** not yet; until `gimbal policy evaluate` has been run once on data that had no part in any of this, all "
           "figures below are promises.";
  }
  const Evaluation& evaluation = *input.evaluation;
  const PolicyEvaluation& policy = evaluation.policies[input.tested];
  const std::optional<Estimate>& estimate = policy.estimates[static_cast<std::size_t>(evaluation.spec.primary)];
  const std::string baseline = run::escape_emphasis(baseline_words(evaluation.spec.baseline));
  std::string where = fmt::format("on {} test {}", format_count(evaluation.n), wording.units);
  if (evaluation.clusters) where += fmt::format(" in {} clusters", format_count(*evaluation.clusters));
  if (!estimate || !(estimate->se > 0)) {
    return fmt::format("**Tested:** {} the policy does just what {} does, so there is no difference to test.", where, baseline);
  }
  std::string figures =
      fmt::format("the improvement is {} ({}", improvement_words(estimate->tau, estimate->ci_high - estimate->ci_low, wording),
                  interval_words(evaluation.spec.alpha, estimate->ci_low, estimate->ci_high));
  const std::optional<double> p = policy.p_adjusted ? policy.p_adjusted : estimate->p;
  if (p) figures += ", " + format_p_value(*p);
  figures += ")";
  const std::string promise = promise_against(*input.chosen, *estimate);
  switch (policy.verdict) {
    case Verdict::kBetter:
      return fmt::format("**Tested:** {} that had no part in the choice, {}: **better** than {}, and {}.", where, figures,
                         baseline, promise);
    case Verdict::kWorse:
      return fmt::format("**Tested:** {} that had no part in the choice, {}: **worse** than {}, and {}.", where, figures,
                         baseline, promise);
    case Verdict::kInconclusive:
      break;
  }
  return fmt::format(
      "**Tested:** {} that had no part in the choice, {}: **inconclusive**, the test cannot tell the policy from {}, and {}.",
      where, figures, baseline, promise);
}

}  // namespace

ReportSentences report_sentences(const PolicyReportInput& input) {
  const Wording wording = input.wording.value_or(wording_of(*input.frontier->loaded));
  return {chosen_sentence(input, wording), promised_sentence(input, wording), tested_sentence(input, wording)};
}

}  // namespace gimbal::policy
