// One frontier with everything that is asked of it: the plug-in curve of the population, the honest curve of the training rows,
// rules solved on either, printed points with all their fields.
//
// Three kinds of frontier stand behind the same face: the exact path (path.h), the frontier under shared constraints, whose
// points are solved one by one (constraints.h), and the frontier without randomization (deterministic.h). The commands
// `frontier`, `choose`, `power`, `run` and the simulation all go through here.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/base/warning.h"
#include "gimbal/policy/bounds.h"
#include "gimbal/policy/constraints.h"
#include "gimbal/policy/honest.h"
#include "gimbal/policy/path.h"
#include "gimbal/policy/select.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

struct FrontierOptions {
  Score score = Score::kDr;
  double c0 = 0;  // centre of cipw
  std::size_t points = 101;
  TestSpec test;                   // n: test units, > 1
  std::optional<CurveKind> curve;  // which curve rules refer to; default honest where there is one
  bool deterministic = false;
  std::uint64_t seed = 0;
};

struct FrontierInput {
  std::shared_ptr<const Table> population;  // full-data models' predictions, baseline resolved
  Bounds bounds;
  std::vector<LinearConstraint> constraints;

  // Training rows with out-of-fold nuisances, where the honest curve is available; bounds and constraints are those of these
  // rows.
  std::shared_ptr<const Table> training;
  std::shared_ptr<const Logged> logged;
  Bounds training_bounds;
  std::vector<LinearConstraint> training_constraints;
};

struct FrontierPoint {
  std::string at = "grid";       // "grid", a rule's text, "mark:FILE"
  std::optional<double> lambda;  // infinity allowed; absent for a marked policy
  Moments moments;               // per unit, without a design effect
  double se = 0, z = 0, z1 = 0, power = 0;
  double units_required = 0;  // for power 0.8; infinity where z1 <= 0
  std::optional<HonestPoint> honest;
  PolicySummary summary;
  std::vector<std::pair<std::string, double>> shadow_prices;
  std::vector<double> eta;      // one a constraint: the multipliers at this lambda
  double effective_lambda = 0;  // finite stand-in for lambda = infinity under constraints, with which eta belongs
};

// A point of a constrained frontier as a document holds it: moments as rules see them (plug-in with the design effect of
// clusters), shadow prices in the order of the constraints.
struct KnownPoint {
  double lambda = 0;  // infinity allowed
  Moments plugin;
  std::optional<Moments> honest;
  std::vector<double> shadow_prices;
};

class Frontier {
 public:
  // Errors: those of the parts (infeasible, not_identified, unsupported, insufficient_data).
  static Result<Frontier> build(FrontierInput input, FrontierOptions options);

  const std::vector<std::string>& arms() const { return population_->arms; }
  const FrontierOptions& options() const { return options_; }
  std::size_t units() const { return population_->units(); }
  bool has_honest() const { return honest_.has_value() || constrained_honest_.has_value(); }
  CurveKind curve() const { return options_.curve.value_or(has_honest() ? CurveKind::kHonest : CurveKind::kPlugin); }
  bool constrained() const { return constrained_.has_value(); }
  bool exact_path() const { return path_.has_value(); }
  bool moves_nobody() const;                   // every policy is the baseline
  std::string_view why_nobody_moves() const;   // in words, for messages
  std::optional<double> lambda_max_z() const;  // of the exact path, or of the deterministic frontier
  std::optional<double> lambda_saturated(double share) const;
  std::size_t breakpoints() const;
  std::vector<std::string> constraint_names() const;
  // Points that a rule's search solves one by one: about one a printed point and curve under shared constraints, 0 where the
  // frontier is known between its points.
  std::size_t search_steps() const;
  std::size_t solved() const;                         // lambdas of the constrained population that have been solved so far
  double centre() const { return model().centre(); }  // c in M_a: what a policy file keeps
  const UnitModel& model() const;
  const std::vector<Warning>& warnings() const { return warnings_; }

  // The lambdas of the printed points, ascending, the last one infinity. Hooks are for the constrained frontier, whose points
  // are solved one by one: a stop is heard between them (interrupted), and points done are counted.
  Result<std::vector<double>> grid(const SolveHooks& hooks = {}) const;
  // The grid of a constrained frontier, ascending and ending at infinity, as it was solved before: `choose` then solves only
  // around its answer. Ignored on the other frontiers, which are known exactly.
  void remember(std::vector<KnownPoint> points);
  // Errors: invalid_argument when the honest curve is asked for and there is none; not_identified when nobody moves;
  // interrupted.
  Result<Choice> choose(const SelectRule& rule, CurveKind curve, const SolveHooks& hooks = {}) const;
  // All fields at each of `lambdas`; the first `in_band` of them share the simultaneous band. Order is kept.
  Result<std::vector<FrontierPoint>> points(std::span<const double> lambdas, std::size_t in_band,
                                            const SolveHooks& hooks = {}) const;
  // Another policy on the same units (n x K probabilities), plug-in fields only.
  FrontierPoint mark(const Matrix& pi, std::string name) const;
  // n x K probabilities on the population.
  Result<Matrix> probabilities(const FrontierPoint& point) const;
  // The plug-in moments (with the design effect of clusters) and the honest moments at lambda (infinity allowed). `honest_at`
  // requires has_honest().
  Result<Moments> plugin_at(double lambda, const StopToken& stop = {}) const;
  Result<Moments> honest_at(double lambda, const StopToken& stop = {}) const;

  // From printed points; absent without an honest curve.
  std::optional<PromiseGap> gap(const FrontierPoint& max_tau, const FrontierPoint* chosen = nullptr) const;

 private:
  struct ConstrainedHonest {
    ConstrainedFrontier frontier;
    HonestData data;
  };
  Result<Choice> choose_on_points(const SelectRule& rule, CurveKind curve, const SolveHooks& hooks) const;
  bool corrects_plugin() const;  // clusters and an honest curve: the plug-in variance takes its design effect
  // The same under shared constraints, from the held-out scores of one point.
  Result<Moments> with_design_effect(Moments plugin, std::span<const double> psi) const;
  void fill(FrontierPoint& point, Moments corrected) const;
  Result<std::vector<FrontierPoint>> constrained_points(std::span<const double> lambdas, std::size_t in_band,
                                                        const SolveHooks& hooks) const;
  // Fills in the points that a rule searches.
  Result<void> search_points(const SelectRule& rule, CurveKind curve, const SolveHooks& hooks, PointCurve& on) const;

  FrontierOptions options_;
  std::shared_ptr<const Table> population_;
  std::optional<FrontierPath> path_;
  std::optional<ConstrainedFrontier> constrained_;
  std::optional<SegmentCurve> deterministic_;
  std::shared_ptr<const UnitModel> deterministic_model_;
  std::optional<HonestCurve> honest_;
  std::optional<ConstrainedHonest> constrained_honest_;
  bool clustered_ = false;
  std::vector<KnownPoint> known_;  // a constrained grid that was solved before
  std::vector<Warning> warnings_;
};

}  // namespace gimbal::policy
