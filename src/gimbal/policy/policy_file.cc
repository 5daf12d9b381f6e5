#include "gimbal/policy/policy_file.h"

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/deterministic.h"
#include "gimbal/policy/document.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/path.h"

namespace gimbal::policy {
namespace {

constexpr std::string_view kSources[] = {"model", "nuisances", "tree"};
constexpr std::size_t kUnitsPerChunk = 4096;

void write_policy(JsonWriter& json, const PolicyFile& p) {
  json.begin_object().field("schema", kPolicySchema).field("gimbal", GIMBAL_VERSION);
  json.field("source", kSources[static_cast<std::size_t>(p.source)]).field("arms", p.arms).field("lambda", p.lambda);
  json.field("parametrization",
             "lambda is the price of improvement in lambda tau - q/2; null is infinity; for dr with more than two arms each "
             "unit is solved in theta, lambda = theta + mu'D(theta)");
  json.field("effective_lambda", p.effective_lambda).field("eta", p.eta);
  json.field("score", score_name(p.score)).field("centre", p.centre).field("deterministic", p.deterministic).key("limits");
  p.limits.write(json);
  json.field("baseline", p.baseline).key("baseline_policy");
  if (p.baseline_policy)
    write_policy(json, *p.baseline_policy);
  else
    json.null();
  json.field("c0", p.data.outcome_sign() * p.c0)
      .field("select", p.select)
      .field("curve", p.curve == CurveKind::kHonest ? "honest" : "plugin")
      .field("fallback", p.fallback);
  json.key("prediction");
  if (p.promise) {
    json.begin_object()
        .field("tau", p.promise->tau)
        .field("z1", p.promise->z1)
        .field("power", p.promise->power)
        .field("n_test", p.promise->n_test);
    json.field("tau_honest", p.promise->tau_honest).field("power_honest", p.promise->power_honest).end_object();
  } else {
    json.null();
  }
  json.key("training");
  p.training.write(json);
  json.key("data");
  p.data.write(json);
  json.key("model");
  if (p.model) {
    json.begin_object().field("schema", kModelSchema);
    p.model->write_fields(json);
    json.end_object();
  } else {
    json.null();
  }
  json.key("tree");
  if (p.tree) {
    json.begin_object().field("features", p.tree->features);
    write_tree_fields(json, *p.tree);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
}

}  // namespace

std::string PolicyFile::text() const {
  JsonWriter json;
  write_policy(json, *this);
  return json.take();
}

Result<PolicyFile> parse_policy_file(const JsonView& json) {
  GIMBAL_TRY(expect_document(json, {kPolicySchema}));
  GIMBAL_TRY(
      json.expect_only({"schema", "gimbal", "source", "arms",          "lambda",     "parametrization", "effective_lambda",
                        "eta",    "score",  "centre", "deterministic", "limits",     "baseline",        "baseline_policy",
                        "c0",     "select", "curve",  "fallback",      "prediction", "training",        "data",
                        "model",  "tree"}));
  PolicyFile p;
  GIMBAL_TRY(const std::string source, json.string("source"));
  const auto at = std::find(std::begin(kSources), std::end(kSources), source);
  if (at == std::end(kSources))
    return fail(ErrorCode::kCorrupted, "{}: unknown source {}", json.path(), gimbal::quoted(source));
  p.source = static_cast<PolicyFile::Source>(at - std::begin(kSources));
  GIMBAL_TRY(p.arms, json.strings("arms"));
  GIMBAL_TRY(p.lambda, json.number_or("lambda", kInfinity));
  GIMBAL_TRY(p.effective_lambda, json.number_or("effective_lambda", kInfinity));
  GIMBAL_TRY(p.eta, json.numbers("eta"));
  GIMBAL_TRY(const std::string score, json.string("score"));
  GIMBAL_TRY(p.score, parse_score(score));
  GIMBAL_TRY(p.centre, json.number("centre"));
  GIMBAL_TRY(p.deterministic, json.boolean("deterministic"));
  GIMBAL_TRY(const JsonView limits, json.get("limits"));
  GIMBAL_TRY(p.limits, Limits::read(limits));
  GIMBAL_TRY(p.baseline, json.string("baseline"));
  if (json.has("baseline_policy")) {
    GIMBAL_TRY(const JsonView baseline, json.get("baseline_policy"));
    GIMBAL_TRY(PolicyFile embedded, parse_policy_file(baseline));
    p.baseline_policy = std::make_shared<const PolicyFile>(std::move(embedded));
  }
  GIMBAL_TRY(p.c0, json.number("c0"));
  GIMBAL_TRY(p.select, json.string("select"));
  GIMBAL_TRY(const std::string curve, json.string("curve"));
  p.curve = curve == "plugin" ? CurveKind::kPlugin : CurveKind::kHonest;
  GIMBAL_TRY(p.fallback, json.boolean("fallback"));
  if (json.has("prediction")) {
    GIMBAL_TRY(const JsonView prediction, json.get("prediction"));
    Promise promise;
    GIMBAL_TRY(promise.tau, prediction.number("tau"));
    GIMBAL_TRY(promise.z1, prediction.number("z1"));
    GIMBAL_TRY(promise.power, prediction.number("power"));
    GIMBAL_TRY(promise.n_test, prediction.number("n_test"));
    if (prediction.has("tau_honest")) {
      GIMBAL_TRY(promise.tau_honest, prediction.number("tau_honest"));
    }
    if (prediction.has("power_honest")) {
      GIMBAL_TRY(promise.power_honest, prediction.number("power_honest"));
    }
    p.promise = promise;
  }
  GIMBAL_TRY(const JsonView training, json.get("training"));
  GIMBAL_TRY(p.training, TrainingData::read(training));
  GIMBAL_TRY(const JsonView data, json.get("data"));
  GIMBAL_TRY(p.data, DataFlags::read(data));
  p.c0 *= p.data.outcome_sign();
  if (json.has("model")) {
    GIMBAL_TRY(const JsonView model, json.get("model"));
    GIMBAL_TRY(p.model, Model::read(model));
    if (p.model->arms != p.arms)
      return fail(ErrorCode::kCorrupted, "{}: the model's arms differ from the policy's", json.path());
  }
  if (json.has("tree")) {
    GIMBAL_TRY(const JsonView tree, json.get("tree"));
    GIMBAL_TRY(const std::vector<std::string> features, tree.strings("features"));
    GIMBAL_TRY(p.tree, read_tree_fields(tree, p.arms, features));
  }
  if ((p.source == PolicyFile::Source::kModel && !p.model) || (p.source == PolicyFile::Source::kTree && !p.tree)) {
    return fail(ErrorCode::kCorrupted, "{}: a policy of source \"{}\" must carry its {}", json.path(), source, source);
  }
  return p;
}

Result<PolicyFile> read_policy_file(const std::string& path) {
  GIMBAL_TRY(const JsonView json, read_document(path, {kPolicySchema}));
  return parse_policy_file(json);
}

data::NameSet text_columns(const PolicyFile& policy) {
  data::NameSet names;
  for (const std::string* name : {&policy.data.action, &policy.data.id, &policy.data.cluster}) {
    if (!name->empty()) names.insert(*name);
  }
  if (policy.model) names.merge(policy.model->text_columns());
  if (policy.baseline_policy) names.merge(text_columns(*policy.baseline_policy));
  for (const ForbiddenCell& cell : policy.limits.forbids) names.insert(cell.column);
  return names;
}

Result<Matrix> baseline_probabilities(std::string_view baseline, const std::shared_ptr<const PolicyFile>& baseline_policy,
                                      const std::vector<std::string>& arms, const Matrix& e, const data::DataTable* table,
                                      data::UnknownCategory unknown) {
  GIMBAL_TRY(const BaselineSpec spec, parse_baseline(baseline));
  BaselineSources sources;
  if (table) {
    sources.columns = [&](const std::string& prefix) {
      return read_arm_columns(*table, prefix, arms, "--baseline", "baseline probability", true);
    };
    sources.policy = [&](const std::string& file) -> Result<Matrix> {
      std::shared_ptr<const PolicyFile> policy = baseline_policy;
      if (!policy) {
        GIMBAL_TRY(PolicyFile read, read_policy_file(file));
        policy = std::make_shared<const PolicyFile>(std::move(read));
      }
      if (policy->arms != arms) {
        return fail_at("--baseline", ErrorCode::kInvalidArgument, "the arms of {} ({}) differ from those here ({})", file,
                       join(policy->arms, ", "), join(arms, ", "));
      }
      GIMBAL_TRY(AppliedPolicy applied, apply_policy(*policy, *table, unknown));
      return std::move(applied.pi);
    };
  }
  return resolve_baseline(spec, arms, e, sources);
}

Result<Units> predict_units(const Model& model, data::DataTable table, std::string_view baseline,
                            const std::shared_ptr<const PolicyFile>& baseline_policy, const std::string& weight,
                            data::UnknownCategory unknown) {
  Units out;
  GIMBAL_TRY(Predictions predicted, model.predict(table, unknown));
  out.unknown_cells = predicted.unknown_cells;
  out.clipped = predicted.clipped;
  if (!weight.empty()) {
    GIMBAL_TRY(const data::Column* column, data::require_column(table, weight, "--weight"));
    GIMBAL_TRY(predicted.table.weight, data::finite_numbers(table, *column, "weight"));
  }
  if (model.spec.trim > 0) {
    std::vector<std::size_t> keep;
    for (std::size_t i = 0; i < table.rows(); ++i) {
      if (*std::ranges::min_element(predicted.table.e.row(i)) >= model.spec.trim) keep.push_back(i);
    }
    out.trimmed = table.rows() - keep.size();
    if (keep.empty()) {
      return fail_at("--trim", ErrorCode::kInsufficientData, "no unit of {} has a propensity of at least {} for every arm",
                     table.path(), model.spec.trim);
    }
    if (out.trimmed > 0) {
      table = table.select_rows(keep);
      for (Matrix* m : {&predicted.table.e, &predicted.table.mu, &predicted.table.var}) *m = m->select_rows(keep);
      if (!predicted.table.weight.empty()) {
        for (std::size_t r = 0; r < keep.size(); ++r) predicted.table.weight[r] = predicted.table.weight[keep[r]];
        predicted.table.weight.resize(keep.size());
      }
    }
  }
  GIMBAL_TRY(predicted.table.b,
             baseline_probabilities(baseline, baseline_policy, model.arms, predicted.table.e, &table, unknown));
  if (const data::Column* ids = model.flags.id.empty() ? nullptr : table.find(model.flags.id)) {
    std::vector<std::string> names(table.rows());
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = ids->text(i);
    predicted.table.ids = std::make_shared<const std::vector<std::string>>(std::move(names));
  }
  out.nuisances = std::make_shared<const Table>(std::move(predicted.table));
  out.table = std::move(table);
  return out;
}

Result<Matrix> policy_probabilities(const PolicyFile& policy, const std::shared_ptr<const Table>& nuisances,
                                    const data::DataTable* units, data::UnknownCategory unknown) {
  const std::size_t n = nuisances->units();
  if (policy.source == PolicyFile::Source::kTree) {
    if (!units) return fail(ErrorCode::kUnsupported, "a tree needs the columns {}", join(policy.tree->features, ", "));
    Matrix x;
    if (policy.model) {
      GIMBAL_TRY(data::Encoded encoded,
                 policy.model->encoding.apply(*units, {.design = data::Design::kTree, .unknown = unknown}));
      x = std::move(encoded.x);
    } else {
      x = Matrix(n, policy.tree->features.size());
      for (std::size_t f = 0; f < policy.tree->features.size(); ++f) {
        GIMBAL_TRY(const data::Column* column, data::require_column(*units, policy.tree->features[f], "tree"));
        const std::vector<double> values = data::numbers_or_nan(*column);
        for (std::size_t i = 0; i < n; ++i) x(i, f) = values[i];
      }
    }
    return tree_probabilities(*policy.tree, x, nuisances->b.empty() ? nuisances->e : nuisances->b);
  }
  // snips was centred at the plug-in value of its population; with that centre it is cipw.
  PathSpec spec{policy.score == Score::kSnips ? Score::kCipw : policy.score, policy.centre, {}};
  GIMBAL_TRY(spec.bounds, resolve_bounds(policy.limits, policy.arms, units, n));
  if (policy.deterministic) return deterministic_probabilities(nuisances, spec, policy.lambda);
  GIMBAL_TRY(const std::vector<LinearConstraint> constraints, resolve_constraints(policy.limits, policy.arms, units, n));
  GIMBAL_TRY(const UnitModel model, UnitModel::make(nuisances, spec));
  const double lambda = constraints.empty() ? policy.lambda : policy.effective_lambda;
  const std::size_t arms = policy.arms.size();
  Matrix pi(n, arms);
  parallel_for(n, kUnitsPerChunk, [&](std::size_t begin, std::size_t end) {
    Unit unit;
    std::vector<double> price;
    for (std::size_t i = begin; i < end; ++i) {
      model.load(i, unit);
      if (constraints.empty()) {
        model.solve(unit, lambda);
      } else {
        price.assign(unit.count, 0.0);
        for (std::size_t c = 0; c < constraints.size(); ++c) {
          const Matrix& g = constraints[c].g;
          for (std::size_t j = 0; j < unit.count; ++j) {
            price[j] -= policy.eta[c] * g(g.rows() == 1 ? 0 : i, static_cast<std::size_t>(unit.arm[j]));
          }
        }
        model.solve(unit, lambda, price);
      }
      for (std::size_t a = 0; a < arms; ++a) pi(i, a) = nuisances->baseline(i, a);
      for (std::size_t j = 0; j < unit.count; ++j) {
        double& p = pi(i, static_cast<std::size_t>(unit.arm[j]));
        p = std::clamp(p + unit.d[j], 0.0, 1.0);
      }
    }
  });
  return pi;
}

Result<AppliedPolicy> apply_policy(const PolicyFile& policy, data::DataTable table, data::UnknownCategory unknown) {
  AppliedPolicy out;
  if (policy.model) {
    GIMBAL_TRY(out.units, predict_units(*policy.model, std::move(table), policy.baseline, policy.baseline_policy, "", unknown));
  } else if (policy.source == PolicyFile::Source::kTree) {
    // Without a model nothing is known of the logging policy: a uniform stand-in serves, since a reward tree reads neither e
    // nor b.
    auto bare = std::make_shared<Table>();
    bare->arms = policy.arms;
    bare->e = bare->mu = bare->var = Matrix(table.rows(), policy.arms.size(), 1.0 / static_cast<double>(policy.arms.size()));
    out.units.nuisances = std::move(bare);
    out.units.table = std::move(table);
  } else {
    return fail(ErrorCode::kUnsupported,
                "this policy was made from a nuisance table and carries no model: give it nuisance tables (--nuisances)");
  }
  GIMBAL_TRY(out.pi, policy_probabilities(policy, out.units.nuisances, &out.units.table, unknown));
  return out;
}

}  // namespace gimbal::policy
