// gimbal policy fit, predict: nuisance models from logged data, and their predictions for new rows.
#include <array>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_fit.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_training_rows.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/document.h"
#include "gimbal/policy/inspect.h"
#include "gimbal/policy/nuisance_table.h"

namespace gimbal::cli {
namespace {

struct FitFlags {
  std::string data;
  DataOptions columns;
  FitOptions fit;
  std::string out;
};

struct PredictFlags {
  std::string model, data, out, unknown_category = "error";
};

void print_fit(CommandContext& context, const std::string& path, const policy::CrossfitResult& fit) {
  std::string out =
      fmt::format("{}: {} rows, {} arms, propensity {}\n\n", path, format_count(static_cast<std::int64_t>(fit.data.rows())),
                  fit.data.arms.size(), fit.model.flags.propensity->text());
  TextTable table({"arm", "rows", "learner", "R2 out of fold", "mean variance"});
  for (std::size_t a = 0; a < fit.arms.size(); ++a) {
    const policy::ArmSummary& arm = fit.arms[a];
    table.row({arm.arm, format_count(static_cast<std::int64_t>(arm.rows)),
               std::string(policy::learner_name(fit.model.arm_models[a].outcome.learner)),
               arm.r2_oof ? fixed_text(*arm.r2_oof, 4) : "-", format_significant(arm.variance_mean, 4)});
  }
  out += table.text();
  out += fmt::format("\nModel: {}; out-of-fold predictions: {}\nNext: gimbal policy frontier {}\n", path,
                     policy::nuisance_path_of(path), path);
  context.print(out);
}

Result<int> fit(CommandContext& context, const FitFlags& flags) {
  GIMBAL_TRY(const policy::DataFlags columns, data_flags(flags.columns));
  GIMBAL_TRY(const policy::FitSpec spec, fit_spec(flags.fit, context.seed));
  GIMBAL_TRY(refuse_standard_input(flags.data, "DATA"));
  if (columns.baseline.starts_with("policy:")) {
    GIMBAL_TRY(check_written(std::array{NamedFile{"--out", flags.out}},
                             std::array{NamedFile{"--baseline", columns.baseline.substr(7)}}));
  }
  GIMBAL_TRY(policy::LoggedData data, policy::load_logged(flags.data, columns, fit_load_options(columns, spec)));
  GIMBAL_TRY(check_baseline(data, columns, spec.unknown));
  warn_count(context, "missing_outcome", data.dropped_missing_outcome, "row", "without an outcome skipped");
  context.lap("read");
  GIMBAL_TRY(policy::CrossfitResult fitted, crossfit_with_progress(context, std::move(data), columns, spec));
  GIMBAL_TRY(fitted.model.training, training_data_of(flags.data, context.clock()));
  context.lap("compute");
  GIMBAL_TRY(write_model(fitted, flags.out));
  forward_warnings(context, fitted.warnings);
  print_fit(context, flags.out, fitted);
  DocumentWriter document(kFitSchema);
  write_fit_fields(document.json(), fitted, flags.out);
  context.lap("write");
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

Result<int> predict(CommandContext& context, const PredictFlags& flags) {
  GIMBAL_TRY(const JsonView json, policy::read_document(flags.model, {policy::kModelSchema}));
  GIMBAL_TRY(const policy::Model model, policy::Model::read(json));
  policy::FitSpec spec;
  GIMBAL_TRY(policy::set_unknown_category(spec, flags.unknown_category));
  GIMBAL_TRY(const data::DataTable table, data::read_table(flags.data, {.text_columns = model.text_columns()}));
  context.lap("read");
  GIMBAL_TRY(policy::Predictions predicted, model.predict(table, spec.unknown));
  policy::NuisanceTable out;
  if (!model.flags.id.empty()) {
    if (const data::Column* ids = table.find(model.flags.id)) {
      GIMBAL_TRY(data::require_distinct(table, *ids, "id"));
      for (std::size_t i = 0; i < table.rows(); ++i) out.id.push_back(ids->text(i));
    }
  }
  out.table = std::move(predicted.table);
  GIMBAL_TRY(out.table.b,
             policy::baseline_probabilities(model.flags.baseline, nullptr, model.arms, out.table.e, &table, spec.unknown));
  context.lap("compute");
  GIMBAL_TRY(policy::write_nuisance_table(flags.out, out, model.flags.minimize));
  warn_unknown_categories(context, predicted.unknown_cells);
  warn_count(context, "clipped", predicted.clipped, "row", "with a clipped propensity: clipping changes what is estimated");
  context.print(fmt::format("{}: {} rows of predictions for {} arms\nNext: gimbal policy frontier --nuisances {}{}\n",
                            flags.out, format_count(static_cast<std::int64_t>(table.rows())), model.arms.size(), flags.out,
                            model.flags.minimize ? " --minimize" : ""));
  DocumentWriter document("gimbal.policy.predict/1");
  document.json().field("rows", static_cast<std::int64_t>(table.rows())).field("file", flags.out);
  document.json().field("unknown_categories", static_cast<std::int64_t>(predicted.unknown_cells));
  context.lap("write");
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

policy::LoadOptions fit_load_options(const policy::DataFlags& columns, const policy::FitSpec& spec) {
  policy::LoadOptions options;
  if (spec.learner == policy::Learner::kColumns) options.prefixes.push_back(spec.learner_prefix);
  if (spec.variance == policy::VarianceKind::kColumns) options.prefixes.push_back(spec.variance_prefix);
  if (columns.baseline.starts_with("columns:")) options.prefixes.push_back(columns.baseline.substr(8));
  if (columns.baseline.starts_with("policy:")) options.all_columns = true;
  return options;
}

Result<void> refuse_standard_input(const std::string& path, std::string_view what) {
  if (path != "-") return {};
  return fail_at(std::string(what), ErrorCode::kUsage, "its SHA-256 is recorded, so it must be a file, not standard input");
}

Result<void> check_baseline(const policy::LoggedData& data, const policy::DataFlags& columns, data::UnknownCategory unknown) {
  const std::size_t arms = data.arms.size();
  const Matrix any(data.rows(), arms, 1.0 / static_cast<double>(arms));  // estimated propensities are above 0 everywhere
  GIMBAL_TRY(policy::baseline_probabilities(columns.baseline, nullptr, data.arms, data.e.empty() ? any : data.e, &data.table,
                                            unknown));
  return {};
}

Result<policy::CrossfitResult> crossfit_with_progress(CommandContext& context, policy::LoggedData data,
                                                      const policy::DataFlags& columns, const policy::FitSpec& spec) {
  std::unique_ptr<Progress> progress;
  policy::CrossfitHooks hooks;
  hooks.begin = [&](std::size_t total) {
    progress = std::make_unique<Progress>("fitting", total, context.progress_mode(), context.clock(), "models");
  };
  hooks.step = [&] { progress->advance(); };
  hooks.stop = context.stop();
  return policy::crossfit(std::move(data), columns, spec, hooks);
}

void write_fit_fields(JsonWriter& json, const policy::CrossfitResult& fit, const std::string& path) {
  const policy::Model& model = fit.model;
  json.field("rows", static_cast<std::int64_t>(fit.data.rows()))
      .field("arms", model.arms)
      .field("outcome_kind", policy::outcome_kind_name(policy::outcome_kind(fit.data.fitted_outcome())));
  json.field("c0", model.outcome_sign() * model.c0).field("folds", model.spec.folds).key("propensity").begin_object();
  json.field("kind", model.flags.propensity->text())
      .field("clipped", static_cast<std::int64_t>(fit.clipped))
      .field("min", fit.propensity_min);
  json.field("max", fit.propensity_max).field("log_loss", fit.propensity_log_loss).end_object().key("models").begin_array();
  for (std::size_t a = 0; a < fit.arms.size(); ++a) {
    const policy::ArmSummary& arm = fit.arms[a];
    const policy::Regression& outcome = model.arm_models[a].outcome;
    json.begin_object().field("arm", arm.arm).field("rows", static_cast<std::int64_t>(arm.rows));
    json.field("learner", policy::learner_name(model.spec.learner == policy::Learner::kColumns ? policy::Learner::kColumns
                                                                                               : outcome.learner));
    json.key("candidates").begin_array();
    for (const policy::CandidateScore& candidate : arm.candidates) {
      json.begin_object()
          .field("learner", policy::learner_name(candidate.learner))
          .field("mse", candidate.mse)
          .field("se", candidate.se)
          .end_object();
    }
    json.end_array().field("r2_oof", arm.r2_oof).field("penalty", outcome.penalty).field("rounds", outcome.rounds);
    json.field("variance_mean", arm.variance_mean).end_object();
  }
  json.end_array().field("model_file", path).field("nuisance_file", policy::nuisance_path_of(path));
}

Result<policy::CrossfitResult> read_fit_summary(const JsonView& json, const policy::Model& model) {
  GIMBAL_TRY(json.expect_schema(kFitSchema));
  policy::CrossfitResult out;
  out.model = model;
  GIMBAL_TRY(const JsonView propensity, json.get("propensity"));
  GIMBAL_TRY(out.propensity_min, propensity.number("min"));
  GIMBAL_TRY(const JsonView models, json.get("models"));
  GIMBAL_TRY(const std::vector<JsonView> arms, models.items());
  for (const JsonView& item : arms) {
    policy::ArmSummary& arm = out.arms.emplace_back();
    GIMBAL_TRY(arm.arm, item.string("arm"));
    GIMBAL_TRY(const std::int64_t rows, item.integer("rows"));
    arm.rows = static_cast<std::size_t>(rows);
    if (item.has("r2_oof")) {
      GIMBAL_TRY(arm.r2_oof, item.number("r2_oof"));
    }
    GIMBAL_TRY(arm.variance_mean, item.number("variance_mean"));
  }
  GIMBAL_TRY(const JsonView warnings, json.get("warnings"));
  GIMBAL_TRY(const std::vector<JsonView> items, warnings.items());
  for (const JsonView& item : items) {
    Warning& warning = out.warnings.emplace_back();
    GIMBAL_TRY(warning.code, item.string("code"));
    GIMBAL_TRY(warning.message, item.string("message"));
    if (item.has("count")) {
      GIMBAL_TRY(warning.count, item.integer("count"));
    }
  }
  return out;
}

std::string model_text(const policy::Model& model) {
  JsonWriter json;
  json.begin_object().field("schema", policy::kModelSchema).field("gimbal", GIMBAL_VERSION);
  model.write_fields(json);
  json.end_object();
  return json.take() + "\n";
}

Result<void> write_model(const policy::CrossfitResult& fitted, const std::string& path) {
  GIMBAL_TRY(policy::write_nuisance_table(policy::nuisance_path_of(path), fitted.nuisance, fitted.model.flags.minimize));
  if (!fitted.nuisance.id.empty()) GIMBAL_TRY(write_id_hashes(ids_path_of(path), fitted.nuisance.id));
  return write_atomic(path, model_text(fitted.model));
}

Command policy_fit_command() {
  auto flags = std::make_shared<FitFlags>();
  Command command("fit", "Fit outcome, variance and propensity models by cross-fitting.");
  command.description(
      "Writes the model, the out-of-fold nuisance table beside it (MODEL.oof.csv.gz) and, with --id, hashes of the training "
      "ids (MODEL.ids).");
  command.positional("DATA", &flags->data).file().help("logged data: one row a unit, CSV or CSV.gz");
  add_data_options(command, flags->columns);
  add_fit_options(command, flags->fit);
  command.option("-o, --out, --output", &flags->out)
      .value("FILE")
      .written()
      .beside({".oof.csv.gz", ".ids"})
      .required()
      .help("the model");
  command.example("gimbal policy fit campaign.csv --outcome visit --action segment --propensity uniform -o model.json",
                  "Every column is a feature.");
  command.run([flags](CommandContext& context) { return fit(context, *flags); });
  return command;
}

Command policy_predict_command() {
  auto flags = std::make_shared<PredictFlags>();
  Command command("predict", "Predict outcomes, variances and propensities for new rows.");
  command.positional("MODEL", &flags->model).file().help("a model of `gimbal policy fit`");
  command.positional("NEW", &flags->data).file().help("new rows; outcome and action are not needed");
  command.option("-o, --out, --output", &flags->out)
      .value("FILE")
      .written()
      .required()
      .help("the nuisance table (docs/formats/nuisances.md)");
  command.option("--unknown-category", &flags->unknown_category)
      .value("error|missing")
      .help("levels that training has not seen");
  command.example("gimbal policy predict model.json customers.csv -o nuisances.csv");
  command.run([flags](CommandContext& context) { return predict(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
