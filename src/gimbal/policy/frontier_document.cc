// The documents of a frontier: its options, its points, the CSV of points, and which points are printed.
#include <cmath>

#include "gimbal/data/csv.h"
#include "gimbal/policy/frontier_request.h"

namespace gimbal::policy {
namespace {

std::optional<double> rounded_up(double units) {
  if (!std::isfinite(units)) return std::nullopt;
  return whole_units(units);
}

std::string_view side_name(Side side) { return side == Side::kTwo ? "two" : "one"; }
std::string_view curve_name(CurveKind curve) { return curve == CurveKind::kHonest ? "honest" : "plugin"; }
std::string_view unknown_name(data::UnknownCategory unknown) {
  return unknown == data::UnknownCategory::kError ? "error" : "missing";
}

}  // namespace

void FrontierRequest::write(JsonWriter& json) const {
  json.begin_object()
      .field("model", model)
      .field("nuisances", nuisances)
      .field("population", population)
      .field("baseline", baseline);
  json.field("cluster", cluster).field("minimize", minimize).field("score", score_name(score)).field("c0", c0);
  json.field("points", static_cast<std::int64_t>(points))
      .field("n_test", n_test)
      .field("alpha", alpha)
      .field("side", side_name(side));
  json.key("curve");
  curve ? json.value(curve_name(*curve)) : json.null();
  json.field("deterministic", deterministic).key("limits");
  limits.write(json);
  json.field("at", at).field("unknown_category", unknown_name(unknown)).field("seed", seed).end_object();
}

Result<FrontierRequest> FrontierRequest::read(const JsonView& json) {
  GIMBAL_TRY(
      json.expect_only({"model", "nuisances", "population", "baseline", "cluster", "minimize", "score", "c0", "points",
                        "n_test", "alpha", "side", "curve", "deterministic", "limits", "at", "unknown_category", "seed"}));
  FrontierRequest out;
  GIMBAL_TRY(out.model, json.string("model"));
  GIMBAL_TRY(out.nuisances, json.string("nuisances"));
  GIMBAL_TRY(out.population, json.string("population"));
  GIMBAL_TRY(out.baseline, json.string("baseline"));
  GIMBAL_TRY(out.cluster, json.string("cluster"));
  GIMBAL_TRY(out.minimize, json.boolean("minimize"));
  GIMBAL_TRY(const std::string score, json.string("score"));
  GIMBAL_TRY(out.score, parse_score(score));
  if (json.has("c0")) {
    GIMBAL_TRY(out.c0, json.number("c0"));
  }
  GIMBAL_TRY(const std::int64_t points, json.integer("points"));
  out.points = static_cast<std::size_t>(points);
  if (json.has("n_test")) {
    GIMBAL_TRY(out.n_test, json.number("n_test"));
  }
  GIMBAL_TRY(out.alpha, json.number("alpha"));
  GIMBAL_TRY(const std::string side, json.string("side"));
  out.side = side == "one" ? Side::kOne : Side::kTwo;
  if (json.has("curve")) {
    GIMBAL_TRY(const std::string curve, json.string("curve"));
    out.curve = curve == "plugin" ? CurveKind::kPlugin : CurveKind::kHonest;
  }
  GIMBAL_TRY(out.deterministic, json.boolean("deterministic"));
  GIMBAL_TRY(const JsonView limits, json.get("limits"));
  GIMBAL_TRY(out.limits, Limits::read(limits));
  GIMBAL_TRY(out.at, json.strings("at"));
  GIMBAL_TRY(const std::string unknown, json.string("unknown_category"));
  out.unknown = unknown == "missing" ? data::UnknownCategory::kMissing : data::UnknownCategory::kError;
  GIMBAL_TRY(out.seed, read_seed(json));
  return out;
}

void write_point(JsonWriter& json, const FrontierPoint& point, const std::vector<std::string>& arms) {
  json.begin_object().field("at", point.at).field("lambda", point.lambda);  // infinity is written as null
  json.field("tau", point.moments.tau)
      .field("se", point.se)
      .field("z", point.z)
      .field("z1", point.z1)
      .field("power", point.power);
  json.field("n_required", rounded_up(point.units_required)).field("q", point.moments.q);
  json.field("r", point.moments.q > 0 ? point.moments.tau / std::sqrt(point.moments.q) : 0.0);
  if (point.honest) {
    const HonestPoint& h = *point.honest;
    json.field("tau_honest", h.tau).field("se_honest", h.se).field("z_honest", h.z).field("power_honest", h.power);
    json.field("n_required_honest", rounded_up(h.units_required))
        .field("tau_honest_low", h.tau_low)
        .field("tau_honest_high", h.tau_high);
    json.field("tau_band_low", h.band_low).field("tau_band_high", h.band_high).field("power_honest_low", h.power_low);
    json.field("power_honest_high", h.power_high);
  } else {
    for (const char* name : {"tau_honest", "se_honest", "z_honest", "power_honest", "n_required_honest", "tau_honest_low",
                             "tau_honest_high", "tau_band_low", "tau_band_high", "power_honest_low", "power_honest_high"}) {
      json.null_field(name);
    }
  }
  json.field("ess", point.summary.ess).field("max_weight", point.summary.max_weight).field("moved", point.summary.moved);
  json.key("shares").begin_object();
  for (std::size_t a = 0; a < arms.size(); ++a) json.field(arms[a], point.summary.shares[a]);
  json.end_object().key("shadow_prices").begin_object();
  for (const auto& [name, price] : point.shadow_prices) json.field(name, price);
  json.end_object().end_object();
}

std::size_t document_steps(const LoadedFrontier& loaded) {
  const std::size_t search = loaded.frontier->search_steps();
  const std::size_t printed = loaded.request.at.empty() ? loaded.frontier->options().points : loaded.request.at.size();
  return search == 0 ? 0 : search + printed + 2;
}

Result<FrontierDocument> solve_document(const LoadedFrontier& loaded, const SolveHooks& hooks) {
  const Frontier& frontier = *loaded.frontier;
  std::vector<double> lambdas;
  std::vector<std::string> names;
  if (loaded.request.at.empty()) {
    GIMBAL_TRY(lambdas, frontier.grid(hooks));
    names.assign(lambdas.size(), "grid");
  } else {
    for (const std::string& text : loaded.request.at) {
      GIMBAL_TRY(const SelectRule rule, parse_select_rule(text));
      GIMBAL_TRY(const Choice choice, frontier.choose(rule, frontier.curve(), hooks));
      if (!choice.reached) {
        return fail_at("--at", ErrorCode::kInfeasible, "{}: {}", text, choice.why);
      }
      lambdas.push_back(choice.lambda);
      names.push_back(text);
    }
  }
  const std::size_t in_band = lambdas.size();
  // max-z on the curve that rules refer to, and max-tau.
  double lambda_max_z = kInfinity;
  if (!frontier.moves_nobody()) {
    GIMBAL_TRY(const SelectRule rule, parse_select_rule("max-z"));
    GIMBAL_TRY(const Choice choice, frontier.choose(rule, frontier.curve(), hooks));
    lambda_max_z = choice.lambda;
  }
  lambdas.push_back(lambda_max_z);
  lambdas.push_back(kInfinity);
  GIMBAL_TRY(std::vector<FrontierPoint> points, frontier.points(lambdas, in_band, hooks));
  FrontierDocument out;
  out.loaded = &loaded;
  out.max_tau = std::move(points.back());
  points.pop_back();
  out.max_z = std::move(points.back());
  points.pop_back();
  for (std::size_t p = 0; p < points.size(); ++p) points[p].at = names[p];
  out.max_z.at = "max-z";
  out.max_tau.at = "max-tau";
  out.points = std::move(points);
  return out;
}

void write_frontier_fields(JsonWriter& json, const FrontierDocument& document) {
  const LoadedFrontier& loaded = *document.loaded;
  const Frontier& frontier = *loaded.frontier;
  json.field("score", score_name(frontier.options().score)).field("n_units", static_cast<std::int64_t>(frontier.units()));
  json.field("n_test", frontier.options().test.n)
      .field("alpha", frontier.options().test.alpha)
      .field("side", side_name(frontier.options().test.side));
  json.field("arms", frontier.arms())
      .field("baseline", loaded.request.baseline)
      .field("c0", loaded.data.outcome_sign() * loaded.c0)
      .field("curve", curve_name(frontier.curve()));
  json.field("lambda_max_z", frontier.lambda_max_z()).field("lambda_saturated_1pct", frontier.lambda_saturated(0.01));
  json.field("lambda_saturated_5pct", frontier.lambda_saturated(0.05))
      .field("breakpoints", static_cast<std::int64_t>(frontier.breakpoints()));
  json.key("points").begin_array();
  for (const FrontierPoint& point : document.points) write_point(json, point, frontier.arms());
  json.end_array().key("max_z");
  write_point(json, document.max_z, frontier.arms());
  json.key("max_tau");
  write_point(json, document.max_tau, frontier.arms());
  json.key("promise_gap");
  if (const std::optional<PromiseGap> gap = frontier.gap(document.max_tau)) {
    json.begin_object()
        .key("at_max_tau")
        .begin_object()
        .field("plugin", gap->at_max_tau.plugin)
        .field("honest", gap->at_max_tau.honest);
    json.field("se_honest", gap->at_max_tau.se_honest)
        .end_object()
        .field("verdict", promise_verdict_name(gap->verdict))
        .end_object();
  } else {
    json.null();
  }
  json.key("inputs").begin_array();
  for (const InputFile& file : loaded.inputs) {
    json.begin_object().field("role", file.role).field("path", file.path).field("sha256", file.sha256).end_object();
  }
  json.end_array().key("options");
  loaded.request.write(json);
}

std::string frontier_csv(const FrontierDocument& document) {
  std::vector<std::string> header = {"at",
                                     "lambda",
                                     "tau",
                                     "se",
                                     "z",
                                     "power",
                                     "n_required",
                                     "tau_honest",
                                     "se_honest",
                                     "z_honest",
                                     "power_honest",
                                     "tau_honest_low",
                                     "tau_honest_high",
                                     "ess",
                                     "max_weight"};
  for (const std::string& arm : document.loaded->frontier->arms()) header.push_back("share_" + arm);
  data::CsvWriter csv(header);
  const auto finite = [&](double value) { std::isfinite(value) ? csv.cell(value) : csv.empty(); };
  for (const FrontierPoint& point : document.points) {
    csv.cell(std::string_view(point.at));
    finite(point.lambda.value_or(kInfinity));
    for (const double value : {point.moments.tau, point.se, point.z, point.power, whole_units(point.units_required)})
      finite(value);
    if (point.honest) {
      for (const double value : {point.honest->tau, point.honest->se, point.honest->z, point.honest->power,
                                 point.honest->tau_low, point.honest->tau_high})
        finite(value);
    } else {
      for (int c = 0; c < 6; ++c) csv.empty();
    }
    finite(point.summary.ess);
    finite(point.summary.max_weight);
    for (const double share : point.summary.shares) finite(share);
    csv.end_row();
  }
  return csv.take();
}

}  // namespace gimbal::policy
