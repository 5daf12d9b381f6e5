#include "gimbal/policy/evaluate_document.h"

namespace gimbal::policy {
namespace {

void write_estimate(JsonWriter& out, const std::optional<Estimate>& estimate) {
  if (!estimate) {
    out.null();
    return;
  }
  out.begin_object()
      .field("tau", estimate->tau)
      .field("se", estimate->se)
      .field("ci_low", estimate->ci_low)
      .field("ci_high", estimate->ci_high)
      .field("z", estimate->z)
      .field("p", estimate->p)
      .end_object();
}

void write_shares(JsonWriter& out, const std::vector<std::string>& arms, const std::vector<double>& shares) {
  if (shares.empty()) {
    out.null();
    return;
  }
  out.begin_object();
  for (std::size_t a = 0; a < shares.size(); ++a) out.field(arms[a], shares[a]);
  out.end_object();
}

void write_policy(JsonWriter& out, const PolicyEvaluation& policy, const EvaluationSpec& spec) {
  out.begin_object().field("name", policy.name).key("estimates");
  write_estimates(out, policy.estimates);
  out.key("bootstrap");
  if (policy.bootstrap) {
    out.begin_object()
        .field("draws", policy.bootstrap->draws)
        .field("ci_low", policy.bootstrap->ci_low)
        .field("ci_high", policy.bootstrap->ci_high)
        .end_object();
  } else {
    out.null();
  }
  out.field("p_adjusted", policy.p_adjusted).field("verdict", verdict_name(policy.verdict));
  out.key("value")
      .begin_object()
      .field("policy", policy.value.policy)
      .field("policy_se", policy.value.policy_se)
      .field("baseline", policy.value.baseline)
      .field("baseline_se", policy.value.baseline_se)
      .end_object();
  out.key("predicted");
  if (policy.predicted) {
    out.begin_object()
        .field("tau", policy.predicted->tau)
        .field("tau_honest", policy.predicted->tau_honest)
        .field("power_honest", policy.predicted->power_honest)
        .end_object();
  } else {
    out.null();
  }
  out.key("shares");
  write_shares(out, spec.arms, policy.shares);
  out.field("ess", policy.ess)
      .field("max_weight", policy.max_weight)
      .field("moved", policy.moved)
      .key("subgroups")
      .begin_array();
  for (const Subgroup& group : policy.subgroups) {
    out.begin_object()
        .field("column", group.column)
        .field("level", group.level)
        .field("n", group.n)
        .field("tau", group.tau)
        .field("se", group.se)
        .field("ci_low", group.ci_low)
        .field("ci_high", group.ci_high)
        .field("p_adjusted", group.p_adjusted)
        .end_object();
  }
  out.end_array().end_object();
}

}  // namespace

void write_estimates(JsonWriter& out, const Estimates& estimates) {
  out.begin_object();
  for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr}) {
    out.key(score_name(score));
    write_estimate(out, estimates[static_cast<std::size_t>(score)]);
  }
  out.end_object();
}

void write_evaluation_fields(JsonWriter& out, const Evaluation& evaluation) {
  const EvaluationSpec& spec = evaluation.spec;
  out.field("n", evaluation.n)
      .field("clusters", evaluation.clusters)
      .field("alpha", spec.alpha)
      .field("side", spec.side == Side::kTwo ? "two" : "one")
      .field("baseline", spec.baseline)
      .field("primary", score_name(spec.primary))
      .field("adjust", adjust_name(spec.adjust));
  out.key("policies").begin_array();
  for (const PolicyEvaluation& policy : evaluation.policies) write_policy(out, policy, spec);
  out.end_array().key("contrasts").begin_array();
  for (const ContrastEvaluation& contrast : evaluation.contrasts) {
    out.begin_object().field("policy", contrast.policy).field("against", contrast.against).key("estimates");
    write_estimates(out, contrast.estimates);
    out.field("p_adjusted", contrast.p_adjusted).field("verdict", verdict_name(contrast.verdict)).end_object();
  }
  out.end_array();
}

}  // namespace gimbal::policy
