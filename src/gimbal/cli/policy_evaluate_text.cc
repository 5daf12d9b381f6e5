// The evaluation for people: a line a policy, then its scores, groups and contrasts.
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/policy_evaluate.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/evaluate_document.h"

namespace gimbal::cli {

std::string evaluation_text(const policy::Evaluation& evaluation, std::string_view outcome) {
  const std::string low = policy::level_words(evaluation.spec.alpha) + " CI low";
  const std::size_t primary = static_cast<std::size_t>(evaluation.spec.primary);
  std::string out;
  for (const policy::PolicyEvaluation& each : evaluation.policies) {
    out += policy::summary_line(each, evaluation.spec) + "\n";
    if (!evaluation.spec.minimize) continue;
    const policy::Estimate& estimate = *each.estimates[primary];
    out += fmt::format("  less is better: that is {} {} {} per unit\n",
                       fixed_text(std::abs(estimate.tau), policy::decimals_for(estimate.ci_high - estimate.ci_low)),
                       estimate.tau < 0 ? "more" : "less", outcome);
  }
  for (const policy::PolicyEvaluation& each : evaluation.policies) {
    const int decimals = policy::decimals_for(each.estimates[primary]->ci_high - each.estimates[primary]->ci_low);
    const auto fixed = [&](const std::optional<double>& value) { return value ? fixed_text(*value, decimals) : "-"; };
    TextTable table({"score", "improvement", "se", low, "high", "p"});
    constexpr policy::Score kAll[] = {policy::Score::kIpw, policy::Score::kCipw, policy::Score::kSnips, policy::Score::kDr};
    for (const policy::Score score : kAll) {
      const std::optional<policy::Estimate>& estimate = each.estimates[static_cast<std::size_t>(score)];
      if (!estimate) continue;
      table.row({std::string(policy::score_name(score)) + (score == evaluation.spec.primary ? " *" : ""),
                 signed_fixed(estimate->tau, decimals), se_text(estimate->se, decimals), fixed(estimate->ci_low),
                 fixed(estimate->ci_high), p_text(estimate->p)});
    }
    out +=
        fmt::format("\n{}: {} units{}, effective sample size {}, largest weight {}\n{}", each.name, format_count(evaluation.n),
                    evaluation.clusters ? fmt::format(" in {} clusters", format_count(*evaluation.clusters)) : "",
                    each.ess >= 100 ? format_count(std::llround(each.ess)) : format_significant(each.ess, 3),
                    format_significant(each.max_weight, 4), table.indent(2).text());
    if (each.bootstrap) {
      out += fmt::format("  studentized bootstrap, {} draws: {} to {}\n", format_count(each.bootstrap->draws),
                         fixed(each.bootstrap->ci_low), fixed(each.bootstrap->ci_high));
    }
    if (each.subgroups.empty()) continue;
    TextTable groups({"group", "units", "improvement", low, "high", "adjusted p"});
    for (const policy::Subgroup& group : each.subgroups) {
      groups.row({group.column + " = " + group.level, format_count(group.n),
                  group.tau ? signed_fixed(*group.tau, decimals) : "-", fixed(group.ci_low), fixed(group.ci_high),
                  p_text(group.p_adjusted)});
    }
    out += "\n" + groups.indent(2).text();
  }
  if (!evaluation.contrasts.empty()) out += "\n";
  for (const policy::ContrastEvaluation& contrast : evaluation.contrasts) {
    const std::optional<policy::Estimate>& estimate = contrast.estimates[primary];
    if (!estimate) continue;
    const int decimals = policy::decimals_for(estimate->ci_high - estimate->ci_low);
    out += fmt::format("{} against {}: {} per unit ({} CI {} to {}): {}\n", contrast.policy, contrast.against,
                       signed_fixed(estimate->tau, decimals), policy::level_words(evaluation.spec.alpha),
                       fixed_text(estimate->ci_low, decimals), fixed_text(estimate->ci_high, decimals),
                       policy::verdict_name(contrast.verdict));
  }
  return out;
}

}  // namespace gimbal::cli
