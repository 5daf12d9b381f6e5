// A small planning story for the tests of charts and report: a training table with outcomes, a population, the frontier, a
// chosen point and the test. Internal to tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/policy/report.h"

namespace gimbal::policy {

template <typename T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().text());
  return *std::move(result);
}

struct StoryOptions {
  std::size_t arms = 2;
  bool honest = true;
  std::size_t clusters = 0;
  bool minimize = false;
  std::string capacity = {};  // arm that at most 30 % may get
  double effect = 1;          // how much of the predicted effects is real
  double n_test = 300;
  std::string baseline = "logging";
};

// 400 units with features x (numeric) and region (text); mu_a rises with a where x is large.
struct Story {
  StoryOptions options;
  std::shared_ptr<Table> population = std::make_shared<Table>();
  std::shared_ptr<Table> training = std::make_shared<Table>();
  std::shared_ptr<Logged> logged = std::make_shared<Logged>();
  Logged test;
  data::DataTable units{"units.csv"};
  LoadedFrontier loaded;
  FrontierDocument document;
  FrontierPoint chosen;
  SelectRule rule;
  Matrix pi;
  Evaluation evaluation;
  UnitScores scores;

  explicit Story(StoryOptions given = {}) : options(std::move(given)) {
    constexpr std::size_t kUnits = 400;
    std::vector<double> x;
    std::vector<std::string> region;
    Stream stream(0, "policy.test.story");
    for (std::size_t i = 0; i < kUnits; ++i) {
      x.push_back(stream.normal());
      region.push_back(i % 3 == 0 ? "north" : "south");
    }
    fill(*population, x, stream, test);
    fill(*training, x, stream, *logged);
    units.add_numbers("x", x).add_text("region", region);

    loaded.data.outcome = "visits";
    loaded.data.action = "mail";
    loaded.data.minimize = loaded.request.minimize = options.minimize;
    loaded.request.baseline = options.baseline;
    loaded.request.n_test = options.n_test;
    loaded.request.points = 41;
    if (!options.capacity.empty()) loaded.request.limits.capacities.push_back({options.capacity, 0.3});
    if (options.clusters > 0) loaded.data.cluster = "village";
    FrontierParts parts;
    parts.population = population;
    if (options.honest) parts.training = training, parts.logged = logged;
    loaded.frontier = std::make_shared<const Frontier>(must(make_frontier(parts, loaded.request)));
    document = must(solve_document(loaded));
    document.loaded = &loaded;
    choose(document.points[document.points.size() / 2]);
  }
  Story(const Story&) = delete;

  void choose(const FrontierPoint& point) {
    chosen = point;
    pi = must(loaded.frontier->probabilities(chosen));
    TestedPolicy policy;
    policy.name = "policy.json";
    policy.pi = &pi, policy.e = &population->e, policy.mu = &population->mu;
    if (!population->b.empty()) policy.b = &population->b;
    policy.predicted = Predicted{chosen.moments.tau, {}, {}};
    if (chosen.honest) policy.predicted->tau_honest = chosen.honest->tau;
    EvaluationSpec spec;
    spec.arms = population->arms;
    spec.baseline = options.baseline;
    spec.minimize = options.minimize;
    Grouping grouping{"region", {"north", "south"}, {}};
    for (std::size_t i = 0; i < population->units(); ++i) grouping.level_of.push_back(i % 3 == 0 ? 0 : 1);
    spec.groupings = {grouping};
    evaluation = must(evaluate(test, {}, std::vector<TestedPolicy>{policy}, spec));
    scores = must(unit_scores(test, {}, policy));
  }

  PolicyReportInput input() const {
    PolicyReportInput in;
    in.frontier = &document;
    in.chosen = &chosen;
    in.rule = rule;
    in.curve = options.honest ? CurveKind::kHonest : CurveKind::kPlugin;
    in.population = population.get();
    in.pi = &pi;
    in.units = &units;
    in.features = {"x", "region"};
    in.propensity_known = true;
    in.evaluation = &evaluation;
    in.test_scores = &scores;
    in.version = "0.1.0";
    in.commands = {{"artifacts/policy.json", "gimbal policy choose artifacts/frontier.json -o artifacts/policy.json"}};
    return in;
  }

  // The test's answer as it would be at this improvement.
  void set_result(double tau, double se, Verdict verdict) {
    PolicyEvaluation& policy = evaluation.policies[0];
    policy.estimates[static_cast<std::size_t>(Score::kDr)] =
        Estimate{tau, se, tau - 1.96 * se, tau + 1.96 * se, tau / se, 0.04};
    policy.p_adjusted = 0.04;
    policy.verdict = verdict;
  }

 private:
  void fill(Table& table, const std::vector<double>& x, Stream& stream, Logged& out) {
    const std::size_t n = x.size(), arms = options.arms;
    table.e = table.mu = table.var = Matrix(n, arms);
    for (std::size_t a = 0; a < arms; ++a) table.arms.push_back(a == 0 ? "none" : "offer " + std::to_string(a));
    if (options.baseline != "logging") table.b = Matrix(n, arms);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t a = 0; a < arms; ++a) {
        table.e(i, a) = 1.0 / static_cast<double>(arms);
        table.mu(i, a) = 1 + 0.4 * static_cast<double>(a) * x[i] + 0.1 * stream.normal();
        table.var(i, a) = 1;
      }
      if (!table.b.empty()) table.b(i, 0) = 1;
      const auto given = static_cast<std::size_t>(stream.below(arms));
      out.action.push_back(static_cast<int>(given));
      out.outcome.push_back(1 + options.effect * (table.mu(i, given) - 1) + stream.normal());
      if (options.clusters > 0) out.cluster.push_back(static_cast<std::int64_t>(i % options.clusters));
    }
  }
};

}  // namespace gimbal::policy
