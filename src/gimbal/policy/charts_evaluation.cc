// The test in pictures: its weights, its answer by all scores and subgroups; and the coefficients behind the predictions.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/base/number.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::policy {
namespace {

constexpr double kLogAbove = 30;             // weights beyond this would squeeze the others into one bin
constexpr std::size_t kMaxLevelsShown = 40;  // rows of one subgroup column
constexpr std::size_t kMaxTerms = 60;        // rows of a coefficient table
constexpr std::size_t kArmsPerTable = 4;

std::string_view score_words(Score score) {
  switch (score) {
    case Score::kIpw:
      return "inverse weights (ipw)";
    case Score::kCipw:
      return "centred weights (cipw)";
    case Score::kSnips:
      return "self-normalized (snips)";
    case Score::kDr:
      return "doubly robust (dr)";
  }
  return "";
}

run::DotEstimate dot(double value, std::optional<double> lo = {}, std::optional<double> hi = {}) {
  return {value, lo.value_or(run::kNoValue), hi.value_or(run::kNoValue)};
}

void add_scores(run::DotGroup& group, const PolicyEvaluation& policy, const EvaluationSpec& spec) {
  for (const Score score : {Score::kDr, Score::kSnips, Score::kCipw, Score::kIpw}) {
    const std::optional<Estimate>& estimate = policy.estimates[static_cast<std::size_t>(score)];
    if (!estimate) continue;
    const bool primary = score == spec.primary;
    group.rows.push_back({std::string(score_words(score)) + (primary ? ", primary" : ""),
                          {dot(estimate->tau, estimate->ci_low, estimate->ci_high)},
                          "",
                          primary});
  }
  // The primary estimate leads.
  std::stable_partition(group.rows.begin(), group.rows.end(), [](const run::DotRow& row) { return row.strong; });
  if (policy.bootstrap) {
    const std::optional<Estimate>& primary = policy.estimates[static_cast<std::size_t>(spec.primary)];
    group.rows.push_back({fmt::format("bootstrap of {} ({} draws)", score_name(spec.primary), policy.bootstrap->draws),
                          {dot(primary ? primary->tau : run::kNoValue, policy.bootstrap->ci_low, policy.bootstrap->ci_high)},
                          "",
                          false});
  }
  if (!policy.predicted) return;
  if (policy.predicted->tau_honest)
    group.rows.push_back({"promised by held-out rows", {dot(*policy.predicted->tau_honest)}, "", false});
  if (policy.predicted->tau) group.rows.push_back({"promised by the models", {dot(*policy.predicted->tau)}, "", false});
}

void add_subgroups(run::DotPlot& plot, const PolicyEvaluation& policy, const std::string& prefix) {
  std::vector<std::string> columns;
  for (const Subgroup& group : policy.subgroups) {
    if (std::find(columns.begin(), columns.end(), group.column) == columns.end()) columns.push_back(group.column);
  }
  for (const std::string& column : columns) {
    std::vector<const Subgroup*> levels;
    for (const Subgroup& group : policy.subgroups) {
      if (group.column == column && group.tau) levels.push_back(&group);
    }
    const std::size_t all = levels.size();
    if (all > kMaxLevelsShown) {
      std::stable_sort(levels.begin(), levels.end(), [](const auto* a, const auto* b) { return a->n > b->n; });
      levels.resize(kMaxLevelsShown);
    }
    run::DotGroup out;
    out.label = prefix + "by " + column +
                (all > levels.size() ? fmt::format(" (the {} largest of {} levels)", levels.size(), all) : "");
    for (const Subgroup* level : levels) {
      out.rows.push_back({fmt::format("{} (n = {})", shortened(level->level, 60), format_count(level->n)),
                          {dot(*level->tau, level->ci_low, level->ci_high)},
                          "",
                          false});
    }
    plot.groups.push_back(std::move(out));
  }
}

std::string figure(const std::optional<double>& value) {
  return value ? (*value < 0 ? "\u2212" : "") + format_significant(std::abs(*value), 4) : "–";
}

std::string p_text(const std::optional<double>& p) {
  if (!p) return "–";
  return *p < 1e-9 ? "< 1e-9" : format_significant(*p, 2);
}

run::ReportTable evaluation_numbers(const Evaluation& evaluation, const Wording& wording) {
  const std::string unit = wording.improvement_unit();
  run::ReportTable table;
  table.columns = {{"policy", "", run::Align::kLeft},
                   {"estimate", "", run::Align::kLeft},
                   {"improvement", unit, run::Align::kRight},
                   {"std. error", unit, run::Align::kRight},
                   {"low", unit, run::Align::kRight},
                   {"high", unit, run::Align::kRight},
                   {"p", "", run::Align::kRight},
                   {"adjusted p", "", run::Align::kRight}};
  for (const PolicyEvaluation& policy : evaluation.policies) {
    for (const Score score : {Score::kDr, Score::kSnips, Score::kCipw, Score::kIpw}) {
      const std::optional<Estimate>& e = policy.estimates[static_cast<std::size_t>(score)];
      if (!e) continue;
      const bool primary = score == evaluation.spec.primary;
      if (primary) table.strong_rows.push_back(table.rows.size());
      table.rows.push_back({policy.name, std::string(score_words(score)), figure(e->tau), figure(e->se), figure(e->ci_low),
                            figure(e->ci_high), p_text(e->p), primary ? p_text(policy.p_adjusted) : "–"});
    }
    for (const Subgroup& group : policy.subgroups) {
      if (table.rows.size() >= run::kMaxTableRows) break;
      table.rows.push_back({policy.name,
                            fmt::format("{} = {} (n = {})", group.column, shortened(group.level, 60), format_count(group.n)),
                            figure(group.tau), figure(group.se), figure(group.ci_low), figure(group.ci_high), p_text(group.p),
                            p_text(group.p_adjusted)});
    }
  }
  return table;
}

// Coefficients of one arm (or effect) over the design's columns.
struct TermColumn {
  std::string title, unit;
  const Regression* regression;
};

std::string coefficient_text(double value) {
  return std::isfinite(value) ? (value < 0 ? "\u2212" : "") + format_significant(std::abs(value), 3) : "–";
}

run::ReportTable coefficient_table(const std::string& caption, std::span<const TermColumn> columns,
                                   const std::vector<std::string>& terms) {
  run::ReportTable table;
  table.caption = caption;
  table.columns.push_back({"term", "", run::Align::kLeft});
  for (const TermColumn& column : columns) {
    table.columns.push_back({column.title, column.unit, run::Align::kRight});
    table.columns.push_back({"std. error", "", run::Align::kRight});
  }
  // With many terms those that stand out most from their standard error, in the order of the design.
  std::vector<std::size_t> order(terms.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (terms.size() > kMaxTerms) {
    const auto strength = [&](std::size_t t) {
      double largest = 0;
      for (const TermColumn& column : columns) {
        if (t >= column.regression->coefficients.size()) continue;
        const double z = std::abs(column.regression->coefficients[t] / column.regression->standard_errors[t]);
        if (std::isfinite(z)) largest = std::max(largest, z);
      }
      return largest;
    };
    std::vector<double> strengths;
    for (const std::size_t t : order) strengths.push_back(strength(t));
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return strengths[a] > strengths[b]; });
    order.resize(kMaxTerms);
    std::sort(order.begin(), order.end());
    table.notes.push_back(fmt::format(
        "The {} of {} terms that stand out most from their standard errors; the model file has all.", kMaxTerms, terms.size()));
  }
  std::vector<std::string> row = {"intercept"};
  for (const TermColumn& column : columns) {
    row.push_back(coefficient_text(column.regression->intercept));
    row.push_back(coefficient_text(column.regression->intercept_se));
  }
  table.rows.push_back(row);
  for (const std::size_t t : order) {
    row = {terms[t]};
    for (const TermColumn& column : columns) {
      const Regression& fit = *column.regression;
      const bool has = t < fit.coefficients.size();
      row.push_back(has ? coefficient_text(fit.coefficients[t]) : "–");
      row.push_back(has && t < fit.standard_errors.size() ? coefficient_text(fit.standard_errors[t]) : "–");
    }
    table.rows.push_back(row);
  }
  return table;
}

void append_tables(std::vector<run::ReportTable>& out, const std::string& caption, const std::vector<TermColumn>& columns,
                   const std::vector<std::string>& terms) {
  for (std::size_t from = 0; from < columns.size(); from += kArmsPerTable) {
    const std::size_t count = std::min(kArmsPerTable, columns.size() - from);
    out.push_back(coefficient_table(caption, std::span(columns).subspan(from, count), terms));
    const bool penalized =
        std::any_of(columns.begin(), columns.end(), [](const TermColumn& c) { return c.regression->penalty.value_or(0) > 0; });
    if (penalized) {
      out.back().notes.emplace_back(
          "Penalized coefficients are drawn towards zero; their standard errors measure the spread of the penalized estimate, "
          "not that bias.");
    }
  }
}

std::string learner_words(const Regression& regression) {
  std::string text(learner_name(regression.learner));
  if (regression.learner == Learner::kLogistic) text += ", log odds";
  if (regression.penalty && *regression.penalty > 0) text += ", penalty " + format_significant(*regression.penalty, 2);
  return text;
}

}  // namespace

run::Chart overlap_chart(std::span<const double> w, std::span<const double> unit_weight, double ess, double max_weight,
                         const Wording& wording) {
  const auto zeros = static_cast<std::size_t>(std::count(w.begin(), w.end(), 0.0));
  const bool log = max_weight > kLogAbove;
  run::DistributionChart chart;
  chart.title = "Overlap: the weights of the test";
  const double n = static_cast<double>(w.size());
  chart.subtitle = fmt::format("Effective sample size {} of {} ({}); largest weight {}.", format_count(std::llround(ess)),
                               count_words(n), percent_words(n > 0 ? ess / n : 0.0), format_significant(max_weight, 3));
  if (log && zeros > 0)
    chart.subtitle += fmt::format(" {} have weight 0 and are left out of the logarithmic axis.",
                                  percent_words(static_cast<double>(zeros) / n));
  chart.x = {.title = "weight of a unit: probability of its logged arm under the new policy over that under logging",
             .unit = "ratio",
             .scale = log ? run::Scale::kLog : run::Scale::kLinear,
             .min = {},
             .max = {},
             .percent = false,
             .include_zero = !log};
  chart.what = wording.units;
  if (!log && w.size() >= 200) chart.bins = 30;  // weights of a few arms lie in clumps, which the default rule would merge
  run::Sample sample;
  sample.label = wording.units;
  sample.values.assign(w.begin(), w.end());
  sample.weights.assign(unit_weight.begin(), unit_weight.end());
  chart.samples = {std::move(sample)};
  chart.lines = {{run::ReferenceLine::Kind::kVertical, 1, "as logged"}};
  return run::draw(chart);
}

run::Chart evaluation_chart(const Evaluation& evaluation, const Wording& wording) {
  const EvaluationSpec& spec = evaluation.spec;
  run::DotPlot plot;
  plot.title = "What the test says";
  plot.subtitle = fmt::format("{} test {}{}; bars are {} confidence intervals.", format_count(evaluation.n), wording.units,
                              evaluation.clusters ? fmt::format(" in {} clusters", format_count(*evaluation.clusters)) : "",
                              level_words(spec.alpha));
  plot.x = {
      .title = "improvement over " + baseline_words(spec.baseline), .unit = wording.improvement_unit(), .min = {}, .max = {}};
  plot.zero_label = "no improvement";
  for (const PolicyEvaluation& policy : evaluation.policies) {
    const std::string prefix = evaluation.policies.size() > 1 ? policy.name + ", " : "";
    run::DotGroup group;
    group.label = evaluation.policies.size() > 1 ? policy.name : "all " + wording.units;
    add_scores(group, policy, spec);
    plot.groups.push_back(std::move(group));
    add_subgroups(plot, policy, prefix);
  }
  run::Chart drawn = run::draw(plot);
  drawn.numbers = evaluation_numbers(evaluation, wording);
  return drawn;
}

std::vector<run::ReportTable> coefficient_tables(const Model& model) {
  const std::vector<std::string> terms = model.encoding.design_names(data::Design::kLinear);
  std::vector<TermColumn> outcomes, effects;
  for (std::size_t a = 0; a < model.arm_models.size(); ++a) {
    const Regression& outcome = model.arm_models[a].outcome;
    if (!outcome.coefficients.empty()) outcomes.push_back({model.arms[a], learner_words(outcome), &outcome});
    const std::optional<Regression>& effect = model.arm_models[a].effect;
    if (effect && !effect->coefficients.empty()) effects.push_back({model.arms[a], learner_words(*effect), &*effect});
  }
  std::vector<run::ReportTable> out;
  append_tables(
      out, fmt::format("Regression of {} within each arm", model.flags.outcome.empty() ? "the outcome" : model.flags.outcome),
      outcomes, terms);
  append_tables(out, fmt::format("Improvement of each arm over “{}”, net of costs", model.arms.empty() ? "" : model.arms[0]),
                effects, terms);
  return out;
}

}  // namespace gimbal::policy
