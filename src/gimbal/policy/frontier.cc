#include "gimbal/policy/frontier.h"

#include <algorithm>

#include "gimbal/policy/deterministic.h"
#include "gimbal/policy/point_summaries.h"

namespace gimbal::policy {
namespace {

// Points of a curve that has no closed form between them: enough that bisection between neighbours finds the right one.
constexpr std::size_t kSearchPoints = 200;

}  // namespace

Result<Frontier> Frontier::build(FrontierInput input, FrontierOptions options) {
  Frontier out;
  out.population_ = input.population;
  const PathSpec spec{options.score, options.c0, input.bounds};
  const bool honest = input.training && input.logged;
  out.clustered_ = honest && !input.logged->cluster.empty();
  const HonestData data{input.training, input.logged, options.score, options.c0};

  if (!input.constraints.empty()) {
    if (options.deterministic) {
      return fail_at("--deterministic", ErrorCode::kUnsupported,
                     "a frontier without randomization is not available under shared constraints");
    }
    GIMBAL_TRY(ConstrainedFrontier constrained, ConstrainedFrontier::build(input.population, spec, input.constraints));
    out.constrained_.emplace(std::move(constrained));
    if (honest) {
      GIMBAL_TRY(check_honest_data(data));
      PathSpec training{options.score, options.c0, input.training_bounds};
      if (training.score == Score::kSnips) training.score = Score::kCipw;
      GIMBAL_TRY(ConstrainedFrontier frontier,
                 ConstrainedFrontier::build(input.training, training, input.training_constraints));
      out.constrained_honest_.emplace(ConstrainedHonest{std::move(frontier), data});
    }
  } else if (options.deterministic) {
    GIMBAL_TRY(UnitModel model, UnitModel::make(input.population, spec));
    out.deterministic_model_ = std::make_shared<const UnitModel>(std::move(model));
    GIMBAL_TRY(out.deterministic_, deterministic_curve(input.population, spec));
    if (honest) {
      GIMBAL_TRY(out.honest_, HonestCurve::build_deterministic(data));
    }
  } else {
    GIMBAL_TRY(FrontierPath path, FrontierPath::build(input.population, spec));
    out.path_.emplace(std::move(path));
    if (honest) {
      GIMBAL_TRY(out.honest_, HonestCurve::build(data, input.training_bounds));
    }
  }
  out.options_ = std::move(options);
  if (out.options_.curve == CurveKind::kHonest && !out.has_honest()) {
    return fail_at("--curve", ErrorCode::kInvalidArgument,
                   "there is no honest curve: it needs out-of-fold predictions with outcomes (fit with --folds 2 or more, or a "
                   "table with y and a)");
  }

  const UnitModel& model = out.model();
  if (model.floored_variances() > 0) {
    out.warnings_.push_back(
        {"variance_floor",
         fmt::format("{} variances of 0 were raised to 1e-12 times the largest of the table", model.floored_variances()),
         static_cast<std::int64_t>(model.floored_variances())});
  }
  if (model.baseline_violations() > 0) {
    out.warnings_.push_back({"baseline_outside_bounds",
                             fmt::format("the baseline itself breaks a bound for {} units, which the policy must move",
                                         model.baseline_violations()),
                             static_cast<std::int64_t>(model.baseline_violations())});
  }
  if (out.moves_nobody())
    out.warnings_.push_back(
        {"no_difference", fmt::format("{}: every policy of the frontier is the baseline", out.why_nobody_moves()), {}});
  return out;
}

const UnitModel& Frontier::model() const {
  if (path_) return path_->model();
  if (constrained_) return constrained_->model();
  return *deterministic_model_;
}

std::string_view Frontier::why_nobody_moves() const {
  const Table& units = *population_;
  for (std::size_t i = 0; i < units.units(); ++i) {
    double low = kInfinity, high = -kInfinity;
    for (std::size_t a = 0; a < units.arm_count(); ++a) {
      if (!(units.e(i, a) > 0)) continue;
      low = std::min(low, units.mu(i, a));
      high = std::max(high, units.mu(i, a));
    }
    if (high > low) return "the baseline already gives every unit the best arm that it may get";
  }
  return "no predicted difference between arms";
}

bool Frontier::moves_nobody() const {
  if (path_) return !path_->lambda_max_z().has_value();
  if (deterministic_) return deterministic_->breakpoints().empty();
  return false;
}

std::optional<double> Frontier::lambda_max_z() const {
  if (path_) return path_->lambda_max_z();
  if (!deterministic_) return std::nullopt;
  const std::optional<BestZ> best = largest_z(*deterministic_, 0, false);
  return best ? std::optional<double>(best->lambda) : std::nullopt;
}

std::optional<double> Frontier::lambda_saturated(double share) const {
  return path_ ? path_->lambda_saturated(share) : std::nullopt;
}

std::size_t Frontier::breakpoints() const {
  if (path_) return path_->breakpoints().size();
  return deterministic_ ? deterministic_->breakpoints().size() : 0;
}

bool Frontier::corrects_plugin() const { return clustered_ && honest_.has_value(); }

Result<std::vector<double>> Frontier::grid(const SolveHooks& hooks) const {
  if (moves_nobody()) return std::vector<double>{kInfinity};
  if (path_) return points_equally_spaced_in_tau(path_->curve(), *path_->lambda_max_z(), options_.points);
  if (deterministic_) return points_equally_spaced_in_tau(*deterministic_, lambda_max_z().value_or(0), options_.points);
  GIMBAL_TRY(const std::vector<ConstrainedPoint> solved, constrained_->grid(options_.points, hooks));
  std::vector<double> lambdas;
  for (const ConstrainedPoint& point : solved) lambdas.push_back(point.lambda);
  return lambdas;
}

Result<Moments> Frontier::plugin_at(double lambda, const StopToken& stop) const {
  if (constrained_) {
    GIMBAL_TRY(const ConstrainedPoint point, constrained_->at(lambda, stop));
    if (!clustered_) return point.moments;
    GIMBAL_TRY(const ConstrainedPoint held_out, constrained_honest_->frontier.at(lambda, stop));
    Matrix pi;
    constrained_honest_->frontier.probabilities(held_out, pi);
    return with_design_effect(point.moments, held_out_psi(constrained_honest_->data, pi));
  }
  const Moments plugin = path_ ? path_->at(lambda) : deterministic_->at(lambda);
  return corrects_plugin() ? honest_->with_design_effect(lambda, plugin) : plugin;
}

Result<Moments> Frontier::with_design_effect(Moments plugin, std::span<const double> psi) const {
  HonestData independent = constrained_honest_->data;
  auto logged = std::make_shared<Logged>(*independent.logged);
  logged->cluster.clear();
  independent.logged = std::move(logged);
  GIMBAL_TRY(const Moments with, held_out_moments(constrained_honest_->data, psi));
  GIMBAL_TRY(const Moments without, held_out_moments(independent, psi));
  const double variance = score_variance(without);
  if (!(variance > 0)) return plugin;
  plugin.q = plugin.tau * plugin.tau + score_variance(with) / variance * score_variance(plugin);
  return plugin;
}

Result<Moments> Frontier::honest_at(double lambda, const StopToken& stop) const {
  GIMBAL_CHECK(has_honest(), "there is an honest curve");
  if (honest_) return honest_->at(lambda);
  GIMBAL_TRY(const ConstrainedPoint point, constrained_honest_->frontier.at(lambda, stop));
  Matrix pi;
  constrained_honest_->frontier.probabilities(point, pi);
  return held_out_moments(constrained_honest_->data, held_out_psi(constrained_honest_->data, pi));
}

Result<Choice> Frontier::choose(const SelectRule& rule, CurveKind curve, const SolveHooks& hooks) const {
  if (curve == CurveKind::kHonest && !has_honest()) {
    return fail_at("--curve", ErrorCode::kInvalidArgument,
                   "there is no honest curve: it needs out-of-fold predictions with outcomes (fit with --folds 2 or more, or a "
                   "table with y and a)");
  }
  if (moves_nobody()) {
    return fail(ErrorCode::kNotIdentified, "{}: there is nothing to choose", why_nobody_moves());
  }
  if (deterministic_ && rule.kind == SelectRule::Kind::kShare) {
    return fail_at("--select", ErrorCode::kUnsupported, "share:ARM<=S is not available with --deterministic");
  }
  if (constrained_ && rule.kind == SelectRule::Kind::kLambda && !(rule.value > 0)) {
    return fail(ErrorCode::kUsage, "{}: under shared constraints lambda must be above 0", rule.text);
  }
  if (constrained_ || (curve == CurveKind::kPlugin && corrects_plugin())) return choose_on_points(rule, curve, hooks);
  SelectCurve on;
  on.arms = arms();
  if (path_) on.share_of = [this](std::size_t arm) { return path_->share_of(arm); };
  if (curve == CurveKind::kHonest) {
    on.curve = honest_->curve();
    if (honest_->path()) on.lambda_min = honest_->path()->lambda_max_z().value_or(0);
  } else if (path_) {
    on.curve = path_->curve();
    on.lambda_min = *path_->lambda_max_z();
    on.max_z = path_->lambda_max_z();
    on.monotone = true;
  } else {
    on.curve = *deterministic_;
  }
  return select(rule, on, options_.test);
}

Result<Choice> Frontier::choose_on_points(const SelectRule& rule, CurveKind curve, const SolveHooks& hooks) const {
  PointCurve on;
  on.arms = arms();
  if (rule.kind == SelectRule::Kind::kLambda || rule.kind == SelectRule::Kind::kMaxTau) {
    on.lambdas = {kInfinity};  // nothing is searched: a constrained grid costs hundreds of solutions
  } else if (constrained_ && curve == CurveKind::kPlugin && !clustered_ && rule.kind == SelectRule::Kind::kMaxZ) {
    GIMBAL_TRY(on.max_z, constrained_->lambda_max_z(hooks));
    on.lambdas = {kInfinity};
  } else {
    GIMBAL_TRY(search_points(rule, curve, hooks, on));
  }
  on.at = [this, curve, &hooks](double lambda) {
    return curve == CurveKind::kPlugin ? plugin_at(lambda, hooks.stop) : honest_at(lambda, hooks.stop);
  };
  on.share_at = [this, &hooks](double lambda, std::size_t arm) -> Result<double> {
    if (!constrained_) return path_->share_of(arm).at(lambda).tau;
    GIMBAL_TRY(const ConstrainedPoint point, constrained_->at(lambda, hooks.stop));
    Matrix pi;
    constrained_->probabilities(point, pi);
    return summarize(*population_, pi).shares[arm];
  };
  for (std::size_t p = on.moments.size(); p < on.lambdas.size(); ++p) {
    GIMBAL_TRY(const Moments moments, on.at(on.lambdas[p]));
    on.moments.push_back(moments);
    if (constrained_ && constrained_honest_ && hooks.point_done) hooks.point_done();
  }
  return select(rule, on, options_.test);
}

Result<void> Frontier::search_points(const SelectRule& rule, CurveKind curve, const SolveHooks& hooks, PointCurve& on) const {
  if (!constrained_) {
    on.lambdas =
        points_equally_spaced_in_tau(path_ ? path_->curve() : *deterministic_, lambda_max_z().value_or(0), kSearchPoints);
    return {};
  }
  if (known_.empty()) {
    // The plug-in curve itself is monotone: its ends bracket every answer.
    using Kind = SelectRule::Kind;
    if (curve == CurveKind::kPlugin && !clustered_ && (rule.kind == Kind::kPower || rule.kind == Kind::kTau)) {
      GIMBAL_TRY(const std::optional<double> start, constrained_->lambda_max_z(hooks));
      if (start && std::isfinite(*start)) on.lambdas.push_back(*start);
      on.lambdas.push_back(kInfinity);
      on.max_z = start;
      return {};
    }
    GIMBAL_TRY(on.lambdas, grid(hooks));
    return {};
  }
  for (const KnownPoint& point : known_) {
    on.lambdas.push_back(point.lambda);
    on.moments.push_back(curve == CurveKind::kPlugin ? point.plugin : *point.honest);
  }
  return {};
}

void Frontier::remember(std::vector<KnownPoint> points) {
  if (!constrained_) return;
  for (const KnownPoint& point : points) {
    if (has_honest() != point.honest.has_value()) return;  // another frontier's
    if (point.shadow_prices.size() != constrained_->constraints().size()) return;
    constrained_->expect(point.lambda, point.shadow_prices);
    if (constrained_honest_) constrained_honest_->frontier.expect(point.lambda, point.shadow_prices);
  }
  known_ = std::move(points);
}

std::vector<std::string> Frontier::constraint_names() const {
  std::vector<std::string> names;
  if (constrained_) {
    for (const LinearConstraint& constraint : constrained_->constraints()) names.push_back(constraint.name);
  }
  return names;
}

std::size_t Frontier::search_steps() const {
  return constrained_ && known_.empty() ? options_.points * (constrained_honest_ ? 2 : 1) : 0;
}

std::size_t Frontier::solved() const { return constrained_ ? constrained_->solved() : 0; }

void Frontier::fill(FrontierPoint& point, Moments corrected) const {
  const TestSpec& test = options_.test;
  point.se = std::sqrt(score_variance(corrected) / test.n);
  point.z1 = z1(corrected);
  point.z = point.z1 * std::sqrt(test.n);
  point.power = power_at(point.z, test);
  point.units_required = units_required(point.z1, 0.8, test);
}

Result<std::vector<FrontierPoint>> Frontier::points(std::span<const double> lambdas, std::size_t in_band,
                                                    const SolveHooks& hooks) const {
  if (constrained_) return constrained_points(lambdas, in_band, hooks);
  std::vector<FrontierPoint> out(lambdas.size());
  std::vector<PolicySummary> summaries;
  if (path_) summaries = summarize_points(path_->model(), lambdas);
  for (std::size_t p = 0; p < lambdas.size(); ++p) {
    out[p].lambda = out[p].effective_lambda = lambdas[p];
    out[p].moments = path_ ? path_->at(lambdas[p]) : deterministic_->at(lambdas[p]);
    GIMBAL_TRY(const Moments corrected, plugin_at(lambdas[p]));
    fill(out[p], corrected);
    if (path_) {
      out[p].summary = std::move(summaries[p]);
    } else {
      GIMBAL_TRY(const Matrix pi, deterministic_probabilities(population_, deterministic_model_->spec(), lambdas[p]));
      out[p].summary = summarize(*population_, pi);
    }
  }
  if (honest_) {
    GIMBAL_TRY(const HonestPoints honest,
               honest_->points(lambdas.first(in_band), lambdas.subspan(in_band), options_.test, options_.seed));
    for (std::size_t p = 0; p < out.size(); ++p) out[p].honest = honest.points[p];
  }
  return out;
}

Result<std::vector<FrontierPoint>> Frontier::constrained_points(std::span<const double> lambdas, std::size_t in_band,
                                                                const SolveHooks& hooks) const {
  std::vector<FrontierPoint> out(lambdas.size());
  Matrix psi;
  if (constrained_honest_) psi = Matrix(constrained_honest_->data.units(), lambdas.size());
  for (std::size_t p = 0; p < lambdas.size(); ++p) {
    if (hooks.stop.stop_requested())
      return fail(ErrorCode::kInterrupted, "interrupted while the constrained frontier was computed");
    GIMBAL_TRY(const ConstrainedPoint solved, constrained_->at(lambdas[p], hooks.stop));
    Matrix pi;
    constrained_->probabilities(solved, pi);
    if (hooks.point_done) hooks.point_done();
    FrontierPoint& point = out[p];
    point.lambda = lambdas[p];
    point.moments = solved.moments;
    fill(point, solved.moments);
    point.summary = summarize(*population_, pi);
    point.eta = solved.eta;
    point.effective_lambda = solved.effective_lambda;
    for (std::size_t j = 0; j < solved.shadow_prices.size(); ++j) {
      point.shadow_prices.emplace_back(constrained_->constraints()[j].name, solved.shadow_prices[j]);
    }
    if (!constrained_honest_) continue;
    GIMBAL_TRY(const ConstrainedPoint held_out, constrained_honest_->frontier.at(lambdas[p], hooks.stop));
    constrained_honest_->frontier.probabilities(held_out, pi);
    const std::vector<double> scores = held_out_psi(constrained_honest_->data, pi);
    for (std::size_t i = 0; i < scores.size(); ++i) psi(i, p) = scores[i];
    if (clustered_) {
      GIMBAL_TRY(const Moments corrected, with_design_effect(solved.moments, scores));
      fill(point, corrected);
    }
  }
  if (constrained_honest_) {
    GIMBAL_TRY(const HonestPoints honest,
               honest_points(constrained_honest_->data, lambdas, psi, in_band, options_.test, options_.seed));
    for (std::size_t p = 0; p < out.size(); ++p) out[p].honest = honest.points[p];
  }
  return out;
}

FrontierPoint Frontier::mark(const Matrix& pi, std::string name) const {
  FrontierPoint out;
  out.at = std::move(name);
  out.moments = policy_moments(model(), pi);
  fill(out, out.moments);
  out.summary = summarize(*population_, pi);
  return out;
}

Result<Matrix> Frontier::probabilities(const FrontierPoint& point) const {
  GIMBAL_CHECK(point.lambda.has_value(), "a marked policy brings its own probabilities");
  Matrix pi;
  if (path_) {
    path_->probabilities(*point.lambda, pi);
    return pi;
  }
  if (deterministic_) return deterministic_probabilities(population_, deterministic_model_->spec(), *point.lambda);
  GIMBAL_TRY(const ConstrainedPoint solved, constrained_->at(*point.lambda));
  constrained_->probabilities(solved, pi);
  return pi;
}

std::optional<PromiseGap> Frontier::gap(const FrontierPoint& max_tau, const FrontierPoint* chosen) const {
  if (!max_tau.honest) return std::nullopt;
  const auto at = [](const FrontierPoint& point) {
    return PromiseGapAt{point.moments.tau, point.honest->tau, point.honest->se_train};
  };
  std::optional<PromiseGapAt> at_chosen;
  if (chosen && chosen->honest) at_chosen = at(*chosen);
  return promise_gap(at(max_tau), at_chosen);
}

}  // namespace gimbal::policy
