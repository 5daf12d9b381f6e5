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

// A power inside a sentence.
std::string probability_words(double p) {
  const std::string text = power_words(p);
  return text[0] == '>' ? "more" + (" than" + text.substr(1)) : text[0] == '<' ? "less" + (" than" + text.substr(1)) : text;
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

// "+0.160 got per unit (+16.0 per 100; 95 % CI ...)", to the digits that an interval of this width deserves. `more`: what else
// belongs into the brackets. Only 0/1 outcomes are said per 100. Where less is better the direction is said in words.
std::string improvement_words(double tau, double width, const Wording& wording, std::string more = "") {
  const int decimals = decimals_for(width);
  if (wording.binary)
    more = fixed_number(100 * tau, decimals < 0 ? decimals : std::max(0, decimals - 2), true) + " per 100" +
           (more.empty() ? "" : "; " + more);
  std::string text = fixed_number(tau, decimals, true);
  Wording plain = wording;
  plain.minimize = false;
  const std::string unit = run::escape_emphasis(plain.improvement_unit());
  text += wording.minimize
              ? fmt::format(", that is {} {} {}", fixed_number(std::abs(tau), decimals), tau < 0 ? "more" : "less", unit)
              : " " + unit;
  return text + (more.empty() ? "" : " (" + more + ")");
}

std::string interval_words(double alpha, double low, double high) {
  const int decimals = decimals_for(high - low);
  return fmt::format("{} CI {} to {}", level_words(alpha), fixed_number(low, decimals, true),
                     fixed_number(high, decimals, true));
}

std::string chosen_sentence(const PolicyReportInput& input, const Wording& wording) {
  const Frontier& frontier = *input.frontier->loaded->frontier;
  const TestSpec& test = frontier.options().test;
  const std::string wanted = rule_words(input.rule, test, wording);
  std::string text;
  if (input.fallback) {
    text = fmt::format("**Chosen:** no policy reaches what the rule {} asks for ({}), so the point {} stands in its place; it",
                       code(input.rule.text), wanted, code(input.fallback_rule));
  } else {
    const bool honest = input.curve == CurveKind::kHonest && input.chosen->honest.has_value();
    text = fmt::format("**Chosen:** of all policies on the frontier the one with {} (rule {}, judged {}), which", wanted,
                       code(input.rule.text), honest ? "on held-out rows" : "by the models' own predictions");
  }
  const PolicySummary& summary = input.chosen->summary;
  return text + fmt::format(" gives {} of the {}; for {} of them that is another arm than under {}.",
                            shares_words(frontier.arms(), summary.shares), wording.units, percent_words(summary.moved),
                            run::escape_emphasis(baseline_words(input.frontier->loaded->request.baseline)));
}

std::string promised_sentence(const PolicyReportInput& input, const Wording& wording) {
  const LoadedFrontier& loaded = *input.frontier->loaded;
  const TestSpec& test = loaded.frontier->options().test;
  const std::string baseline = run::escape_emphasis(baseline_words(loaded.request.baseline));
  const std::string size = count_words(test.n) + " " + wording.units;
  const FrontierPoint& chosen = *input.chosen;
  if (!chosen.honest) {
    return fmt::format(
        "**Promised:** the models expect an improvement of {} over {}, which a test of {} would confirm with a probability of "
        "{}; nothing was held "
        "out to check them, and a policy that is picked by its own prediction promises too much.",
        improvement_words(chosen.moments.tau, 4 * chosen.se, wording), baseline, size, probability_words(chosen.power));
  }
  const HonestPoint& h = *chosen.honest;
  const double width = h.tau_high - h.tau_low;
  return fmt::format(
      "**Promised:** on rows that its models had not seen the policy improves on {} by {}, where the models themselves "
      "expect {}; a test of {} "
      "should confirm that with a probability of {}.",
      baseline, improvement_words(h.tau, width, wording, interval_words(test.alpha, h.tau_low, h.tau_high)),
      fixed_number(chosen.moments.tau, decimals_for(width), true), size, probability_words(h.power));
}

// How the promise stands to the test's interval.
std::string promise_against(const FrontierPoint& chosen, const Estimate& tested) {
  const double promise = chosen.honest ? chosen.honest->tau : chosen.moments.tau;
  const std::string number = fixed_number(promise, decimals_for(tested.ci_high - tested.ci_low), true);
  if (promise > tested.ci_high)
    return fmt::format("the promise of {} lies above the interval, so too much was promised", number);
  if (promise < tested.ci_low)
    return fmt::format("the promise of {} lies below the interval, so the policy does better than promised", number);
  return fmt::format("the promise of {} lies inside the interval", number);
}

std::string tested_sentence(const PolicyReportInput& input, const Wording& wording) {
  if (!input.evaluation || input.tested >= input.evaluation->policies.size()) {
    return "**Tested:** not yet; until `gimbal policy evaluate` has been run once, on data that had no part in any of this, "
           "every figure below is a promise.";
  }
  const Evaluation& evaluation = *input.evaluation;
  const PolicyEvaluation& policy = evaluation.policies[input.tested];
  const std::optional<Estimate>& estimate = policy.estimates[static_cast<std::size_t>(evaluation.spec.primary)];
  const std::string baseline = run::escape_emphasis(baseline_words(evaluation.spec.baseline));
  std::string where = fmt::format("on {} test {}", format_count(evaluation.n), wording.units);
  if (evaluation.clusters) where += fmt::format(" ({} groups)", format_count(*evaluation.clusters));
  if (!estimate || !(estimate->se > 0)) {
    return fmt::format("**Tested:** {} the policy does just what {} does, so there is no difference to test.", where, baseline);
  }
  std::string interval = interval_words(evaluation.spec.alpha, estimate->ci_low, estimate->ci_high);
  const std::optional<double> p = policy.p_adjusted ? policy.p_adjusted : estimate->p;
  if (p) interval += ", " + format_p_value(*p);
  std::string verdict;
  switch (policy.verdict) {
    case Verdict::kBetter:
      verdict = "it is **better** than " + baseline;
      break;
    case Verdict::kWorse:
      verdict = "it is **worse** than " + baseline;
      break;
    case Verdict::kInconclusive:
      verdict = "**inconclusive**, the test cannot tell it from " + baseline;
      break;
  }
  return fmt::format("**Tested:** {} that had no part in the choice the policy's improvement is {}: {}, and {}.", where,
                     improvement_words(estimate->tau, estimate->ci_high - estimate->ci_low, wording, interval), verdict,
                     promise_against(*input.chosen, *estimate));
}

}  // namespace

ReportSentences report_sentences(const PolicyReportInput& input) {
  const Wording wording = input.wording.value_or(wording_of(*input.frontier->loaded));
  return {chosen_sentence(input, wording), promised_sentence(input, wording), tested_sentence(input, wording)};
}

}  // namespace gimbal::policy
