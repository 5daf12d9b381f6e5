// A study with fixed rows, for tests that reproduce published numbers: split, fit, frontier, policy file, evaluation, each as
// the commands do it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/frontier_request.h"
#include "gimbal/policy/policy_file.h"

namespace gimbal::policy::testing {

// What a test set says of a policy: with clusters ignored and with clusters.
struct TestedPoint {
  PolicyEvaluation independent, clustered;
  AppliedPolicy applied;  // on the test rows
};

struct Study {
  CrossfitResult fit;
  LoggedData test;
  std::shared_ptr<const Model> model;

  // Rows with train[i] fit the models, the others are the test set.
  static Result<Study> make(const data::DataTable& table, const std::vector<bool>& train, const DataFlags& flags,
                            const FitSpec& spec) {
    std::vector<std::size_t> rows[2];
    for (std::size_t i = 0; i < table.rows(); ++i) rows[train[i] ? 0 : 1].push_back(i);
    Study out;
    GIMBAL_TRY(LoggedData training, prepare_logged(table.select_rows(rows[0]), flags));
    GIMBAL_TRY(out.fit, crossfit(std::move(training), flags, spec));
    GIMBAL_TRY(out.test, prepare_logged(table.select_rows(rows[1]), flags));
    out.model = std::make_shared<const Model>(out.fit.model);
    return out;
  }

  // The frontier over the test covariates. n_test 0: as many as there are test rows.
  Result<LoadedFrontier> frontier(Score score, const std::string& baseline, Limits limits = {}, double n_test = 0) const {
    LoadedFrontier out;
    out.request.score = score;
    out.request.baseline = baseline;
    out.request.limits = std::move(limits);
    if (n_test > 0) out.request.n_test = n_test;
    out.model = model;
    out.data = model->flags;
    out.c0 = model->c0;
    GIMBAL_TRY(const Units units, predict_units(*model, test.table, baseline, nullptr, "", model->spec.unknown));
    FrontierParts parts;
    parts.population = units.nuisances;
    parts.population_units = &units.table;
    parts.c0 = model->c0;
    if (model->spec.folds > 1) {
      auto training = std::make_shared<Table>(fit.nuisance.table);
      GIMBAL_TRY(training->b,
                 baseline_probabilities(baseline, nullptr, training->arms, training->e, &fit.data.table, model->spec.unknown));
      parts.training = training;
      parts.logged = std::make_shared<const Logged>(*fit.nuisance.logged);
      parts.training_units = &fit.data.table;
    }
    GIMBAL_TRY(Frontier made, make_frontier(parts, out.request));
    out.frontier = std::make_shared<const Frontier>(std::move(made));
    return out;
  }

  // The policy at a point, written to its file format, read again, applied to the test covariates and evaluated there.
  Result<TestedPoint> evaluate_point(const LoadedFrontier& loaded, const FrontierPoint& point) const {
    const std::string text = make_policy(loaded, point, point.at, loaded.frontier->curve(), false).text();
    GIMBAL_TRY(const JsonView json, JsonView::parse(text, "policy.json"));
    GIMBAL_TRY(const PolicyFile policy, parse_policy_file(json));
    GIMBAL_TRY(const AppliedPolicy applied, apply_policy(policy, test.table, model->spec.unknown));
    const Table& nuisances = *applied.units.nuisances;
    TestedPolicy tested;
    tested.name = "policy.json";
    tested.pi = &applied.pi;
    tested.e = &nuisances.e;
    tested.b = nuisances.b.empty() ? nullptr : &nuisances.b;
    tested.mu = &nuisances.mu;
    tested.c0 = policy.c0;
    EvaluationSpec spec;
    spec.arms = nuisances.arms;
    Logged independent = test.logged;
    independent.cluster.clear();
    GIMBAL_TRY(const Evaluation without, evaluate(independent, test.weight, {{tested}}, spec));
    GIMBAL_TRY(const Evaluation with, evaluate(test.logged, test.weight, {{tested}}, spec));
    return TestedPoint{without.policies.front(), with.policies.front(), applied};
  }
};

}  // namespace gimbal::policy::testing
