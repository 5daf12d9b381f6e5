// The sections of a report that show something, each picture with one caption that tells how to read it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/number.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/report_context.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kRowsInSight = 24;  // longer coefficient tables are folded away

// With hyphens that do not break, for narrow columns.
constexpr const char* kMaxZ = "max\u2011z";
constexpr const char* kMaxTau = "max\u2011tau";

run::ReportTable points_table(const ReportContext& c) {
  const bool honest = c.input.chosen->honest.has_value();
  run::ReportTable table;
  table.caption = "Points of the frontier; improvements in " + run::escape_emphasis(c.wording.improvement_unit());
  table.notes = {
      "max-z is the easiest improvement to prove, max-tau the largest one. *Promised* by the models, *delivered* on held-out "
      "rows. *Effective*: as many units of equal weight would measure the policy as well as this population does."};
  table.columns = {
      {"point", "", run::Align::kLeft}, {"λ", "", run::Align::kRight}, {"promised", "by the models", run::Align::kRight}};
  if (honest) {
    table.columns.push_back({"delivered", "held-out rows", run::Align::kRight});
    table.columns.push_back({level_words(c.test.alpha) + " CI", "of delivered", run::Align::kRight});
  }
  table.columns.push_back({"power", count_words(c.test.n) + " " + c.wording.units, run::Align::kRight});
  table.columns.push_back({"needed", c.wording.units + ", 80\u00a0%\u00a0power", run::Align::kRight});
  table.columns.push_back({"moved", "of " + c.wording.units, run::Align::kRight});
  table.columns.push_back({"effective", c.wording.units, run::Align::kRight});
  const auto add = [&](const FrontierPoint& point, const std::string& name) {
    const double width = point.honest ? point.honest->tau_high - point.honest->tau_low : 4 * point.se;
    const int decimals = decimals_for(width);
    const CurveValue value = curve_value(point, CurveKind::kHonest);
    std::vector<std::string> row = {
        name, point.lambda ? (std::isfinite(*point.lambda) ? format_significant(*point.lambda, 3) : "∞") : "–",
        fixed_number(point.moments.tau, decimals, true)};
    if (honest) {
      row.push_back(point.honest ? fixed_number(point.honest->tau, decimals, true) : "–");
      row.push_back(point.honest ? fmt::format("{} to {}", fixed_number(point.honest->tau_low, decimals, true),
                                               fixed_number(point.honest->tau_high, decimals, true))
                                 : "–");
    }
    row.push_back(power_words(value.power));
    row.push_back(count_words(value.units_required));
    row.push_back(percent_words(point.summary.moved));
    row.push_back(format_count(std::llround(point.summary.ess)));
    table.rows.push_back(std::move(row));
  };
  const bool first = c.input.chosen->lambda == c.document.max_z.lambda,
             last = c.input.chosen->lambda == c.document.max_tau.lambda;
  if (!first) add(c.document.max_z, kMaxZ);
  table.strong_rows = {table.rows.size()};
  add(*c.input.chosen,
      std::string("chosen") + (first ? " = " + std::string(kMaxZ) : "") + (last ? " = " + std::string(kMaxTau) : ""));
  if (!last) add(c.document.max_tau, kMaxTau);
  for (const FrontierPoint& point : c.document.points) {
    if (!point.lambda) add(point, point_name(point));
  }
  return table;
}

PolicyOnUnits policy_on_units(const ReportContext& c, Matrix& logging) {
  const PolicyReportInput& input = c.input;
  PolicyOnUnits out;
  out.units = input.units;
  out.arms = c.frontier.arms();
  out.features = input.features;
  if (out.features.empty() && input.model) {
    for (const auto& feature : input.model->encoding.features()) out.features.push_back(feature.spec.column);
  }
  out.pi = input.pi;
  if (input.population && input.pi && input.population->units() == input.pi->rows()) {
    logging = input.population->b.empty() ? input.population->e : input.population->b;
    out.b = &logging;
    out.weight = input.population->weight;
  }
  return out;
}

run::ReportTable models_table(const CrossfitResult& fit) {
  run::ReportTable table;
  table.caption = "Outcome models, one an arm";
  table.notes = {"R² is measured on rows that the model had not seen; below 0 a model predicts worse than the plain mean."};
  table.columns = {{"arm", "", run::Align::kLeft},
                   {"rows", "", run::Align::kRight},
                   {"learner", "", run::Align::kLeft},
                   {"R², held-out rows", "", run::Align::kRight},
                   {"mean variance", "outcome squared", run::Align::kRight}};
  for (std::size_t a = 0; a < fit.arms.size(); ++a) {
    const ArmSummary& arm = fit.arms[a];
    const std::string learner = fit.model.spec.learner == Learner::kColumns || a >= fit.model.arm_models.size()
                                    ? fit.model.spec.learner_text()
                                    : std::string(learner_name(fit.model.arm_models[a].outcome.learner));
    table.rows.push_back({arm.arm, format_count(static_cast<std::int64_t>(arm.rows)), learner,
                          arm.r2_oof ? fixed_number(*arm.r2_oof, 3) : "–",
                          fixed_number(arm.variance_mean, decimals_for(arm.variance_mean) + 1)});
  }
  return table;
}

}  // namespace

void add_frontier_section(run::Report& report, const ReportContext& c) {
  report.open_section("The frontier: improvement against proof");
  report.add(
      run::Paragraphs{"A policy that moves far from the baseline may gain more, but its test becomes noisier, so the gain is "
                      "harder to prove. Every point of the curve is a "
                      "policy that no other beats in both. Going only half-way from the baseline to a policy does not help: it "
                      "shrinks the gain and leaves the power as it is."});
  FrontierHighlights highlights;
  highlights.chosen = c.input.chosen;
  highlights.tested = c.tested;
  if (c.input.evaluation) {
    highlights.primary = c.input.evaluation->spec.primary;
    highlights.test_units = c.input.evaluation->n;
  }
  if (c.input.rule.kind == SelectRule::Kind::kPower) highlights.target_power = c.input.rule.value;
  highlights.behind = c.input.behind;
  highlights.behind_label = c.input.behind_label;
  highlights.wording = c.wording;
  std::string caption = "How to read it: to the right the policies gain more, further up the gain is easier to prove. ";
  caption += c.input.chosen->honest
                 ? "The dashed curve is what the models promise; the solid one is what the same policies earned on rows that "
                   "their models had not "
                   "seen, with its uncertainty; where it is thin and dotted, another of these policies has more of both. The "
                   "further apart they lie, the less the models can be trusted."
                 : "The curve is what the models promise; nothing was held out to check it.";
  if (c.estimate) caption += " The cross is what the test found.";
  report.add(run::Figure{frontier_chart(c.document, highlights), std::move(caption)});
  report.add(points_table(c));
}

void add_shadow_price_section(run::Report& report, const ReportContext& c) {
  if (c.input.chosen->shadow_prices.empty()) return;
  report.open_section("What the limits cost", 3);
  run::ReportTable table;
  table.caption = "Shadow prices at the chosen point";
  table.notes = {
      "The improvement that one more unit of a limit would buy; 0 where the limit does not bind. A limit on a share counts "
      "from 0 to 1, so a hundredth of its price "
      "is what one percentage point is worth."};
  table.columns = {{"limit", "", run::Align::kLeft},
                   {"shadow price", c.wording.improvement_unit() + ", per unit of the limit", run::Align::kRight}};
  for (const auto& [name, price] : c.input.chosen->shadow_prices) {
    table.rows.push_back({name, price == 0 ? "0" : format_significant(price, 3)});
  }
  report.add(std::move(table));
}

void add_power_section(run::Report& report, const ReportContext& c) {
  report.open_section("How large a test");
  PowerChartInput chart;
  chart.alpha = c.test.alpha;
  chart.side = c.test.side;
  chart.planned = c.test.n;
  chart.wording = c.wording;
  if (c.input.rule.kind == SelectRule::Kind::kPower) chart.target = c.input.rule.value;
  // From where the easiest point has next to no power to where the hardest has all of it, the planned size in between.
  double low = c.test.n, high = c.test.n;
  std::vector<std::pair<const FrontierPoint*, std::string>> points = {
      {&c.document.max_z, "max-z"}, {c.input.chosen, "chosen"}, {&c.document.max_tau, "max-tau"}};
  if (c.input.chosen->lambda == c.document.max_z.lambda) points.erase(points.begin());
  if (c.input.chosen->lambda == c.document.max_tau.lambda) points.pop_back();
  for (const auto& [point, name] : points) {
    const double needed = curve_value(*point, CurveKind::kHonest).units_required;
    if (!std::isfinite(needed)) continue;
    low = std::min(low, needed);
    high = std::max(high, needed);
  }
  const std::vector<double> sizes = test_sizes(std::max(2.0, low / 8), std::min(high * 8, 1e12), 60);
  for (const auto& [point, name] : points) {
    chart.lines.push_back(power_line(*point, CurveKind::kHonest, c.test, sizes, chart.target));
    chart.lines.back().label = name;
  }
  report.add(run::Figure{
      power_chart(chart),
      fmt::format("How to read it: follow a line to the right until it crosses {} power; below that point is the number of {} "
                  "that a test of this "
                  "policy needs. A test much smaller than that will probably find nothing even though the improvement is real.",
                  percent_words(chart.target), c.wording.units)});
}

void add_policy_section(run::Report& report, const ReportContext& c) {
  if (!c.input.pi) return;
  report.open_section("Who gets what");
  Matrix logging;
  const PolicyOnUnits units = policy_on_units(c, logging);
  const std::string baseline = run::escape_emphasis(baseline_words(c.loaded.request.baseline));
  if (units.b) {
    report.add(run::Figure{shares_chart(units.arms, mean_shares(*units.b, units.weight), mean_shares(*units.pi, units.weight),
                                        c.loaded.request.baseline, c.wording),
                           fmt::format("How to read it: each line leads from the share of the {} that get an arm under {} to "
                                       "their share under the chosen policy.",
                                       c.wording.units, baseline)});
  }
  const std::vector<FeatureProfile> profiles = feature_profiles(units);
  for (run::Chart& chart : policy_table_charts(profiles, units.arms)) {
    report.add(
        run::Figure{std::move(chart),
                    fmt::format("How to read it: the stronger the colour, the more probable the arm for {} like these; the "
                                "features stand in the order of how much the "
                                "policy depends on them. A row of one shade means that the policy does not use the feature.",
                                c.wording.units)});
  }
  if (units.b) {
    report.add(run::Figure{movement_chart(units, c.wording),
                           units.arms.size() == 2
                               ? fmt::format("How to read it: {} at 0 are treated as under {}; those at the right get “{}” "
                                             "more often than before, those at the left less often.",
                                             c.wording.units, baseline, run::escape_emphasis(shortened(units.arms[1], 60)))
                               : fmt::format("How to read it: {} at 0 are treated as under {}; those at 100 % never get the "
                                             "arm that they would have got there.",
                                             c.wording.units, baseline)});
  }
}

void add_promise_section(run::Report& report, const ReportContext& c) {
  report.open_section("Promise and delivery");
  if (!c.frontier.has_honest()) {
    report.add(run::NoteBox{run::NoteKind::kNote, "No honest curve",
                            "The models were used on the rows that they were fitted to, so there is nothing to hold their "
                            "promise against. Fit with `--folds 5` for the honest curve."});
    return;
  }
  report.add(run::Figure{promise_chart(c.document, c.input.chosen, c.wording),
                         "How to read it: both curves show the same policies, from cautious at the left to greedy at the "
                         "right. The gap between them is the winner's "
                         "curse: a policy that is picked because its prediction is the largest is picked for its errors too. "
                         "Where the solid curve falls, moving on costs more than it "
                         "gains."});
}

void add_test_section(run::Report& report, const ReportContext& c) {
  report.open_section("The test");
  if (!c.tested) {
    report.add(
        run::Paragraphs{"There is no test result yet. Evaluate the policy once, on data that had no part in fitting or "
                        "choosing it: `gimbal policy evaluate policy.json test.csv`."});
    return;
  }
  std::string caption =
      "How to read it: a bar that stays to the right of the line is an improvement that chance alone does not explain. The "
      "four scores use the same data in different "
      "ways; the primary one was fixed beforehand and gives the verdict, the others should agree with it.";
  if (!c.tested->subgroups.empty()) {
    caption +=
        " Subgroups are smaller, so their bars are longer; their p-values (in the numbers) are adjusted for how many there "
        "are.";
  }
  report.add(run::Figure{evaluation_chart(*c.input.evaluation, c.wording), std::move(caption)});
  if (c.input.test_scores) {
    const UnitScores& scores = *c.input.test_scores;
    std::string overlap = fmt::format(
        "How to read it: the test speaks only through {} whose logged arm the new policy would give as well; a weight of 3 "
        "means that one stands for three. Few large "
        "weights make a noisy test.",
        c.wording.units);
    overlap += c.tested->poor_overlap ? " **Here the overlap is poor: the result hangs on few of them.**"
                                      : " Here the overlap is sufficient.";
    report.add(
        run::Figure{overlap_chart(scores.w_policy, c.input.test_unit_weight, c.tested->ess, c.tested->max_weight, c.wording),
                    std::move(overlap)});
  }
}

void add_model_section(run::Report& report, const ReportContext& c) {
  std::vector<run::ReportTable> coefficients;
  if (c.input.model) coefficients = coefficient_tables(*c.input.model);
  if (!c.input.fit && coefficients.empty()) return;
  report.open_section("The models");
  if (c.input.fit) report.add(models_table(*c.input.fit));
  if (coefficients.empty()) return;
  std::size_t rows = 0;
  for (const run::ReportTable& table : coefficients) rows += table.rows.size();
  report.open_section("Coefficients", 3);
  report.sections.back().collapsed = rows > kRowsInSight;
  report.add(
      run::Paragraphs{"How to read them: one more unit of the term goes with this change of the outcome among those who got "
                      "the arm, the other terms held fixed; compare it with its "
                      "standard error. The policy acts on the difference between arms, so a term that has the same coefficient "
                      "in all of them moves nobody."});
  for (run::ReportTable& table : coefficients) report.add(std::move(table));
}

}  // namespace gimbal::policy
