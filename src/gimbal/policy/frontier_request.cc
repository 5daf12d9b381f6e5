#include "gimbal/policy/frontier_request.h"

#include <filesystem>
#include <set>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/document.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/nuisance_table.h"

namespace gimbal::policy {
namespace {

class Loader {
 public:
  Loader(const FrontierRequest& request, std::string folder, const std::vector<InputFile>& expected)
      : folder_(std::move(folder)), expected_(expected) {
    out_.request = request;
  }

  Result<LoadedFrontier> load() {
    if (out_.request.model.empty() == out_.request.nuisances.empty()) {
      return fail_at("MODEL", ErrorCode::kUsage, "give either a model file or --nuisances TABLE");
    }
    GIMBAL_TRY(out_.request.model.empty() ? from_nuisances() : from_model());
    GIMBAL_TRY(check_forbidden_levels());
    parts_.c0 = out_.c0 = out_.data.outcome_sign() * *out_.request.c0;
    GIMBAL_TRY(Frontier frontier, make_frontier(parts_, out_.request));
    out_.frontier = std::make_shared<const Frontier>(std::move(frontier));
    out_.request.n_test = out_.frontier->options().test.n;
    return std::move(out_);
  }

 private:
  static std::string_view role_words(std::string_view role) {
    if (role == "model") return "the model";
    if (role == "nuisances") return "the nuisance table";
    if (role == "population") return "the population";
    if (role == "training") return "the training data";
    return "the baseline policy";
  }

  // Where a file lies, with its hash recorded and checked against the document's. `folder`: tried second.
  Result<std::string> input(const std::string& role, const std::string& path, const std::string& folder) {
    std::string_view recorded;
    for (const InputFile& file : expected_) {
      if (file.role == role) recorded = file.sha256;
    }
    const std::string found = locate_input(path, folder, recorded);
    if (!exists(found)) {
      return fail_at(found, ErrorCode::kNotFound, "no such file; it is {} of this frontier{}", role_words(role),
                     folder.empty() ? "" : fmt::format(", looked for from here and in {}", folder));
    }
    GIMBAL_TRY(const std::string sha, sha256_file(found));
    if (!recorded.empty() && recorded != sha) {
      return fail_at(found, ErrorCode::kConflict,
                     "the file has changed since the frontier was computed: expected sha256 {}, found {}; run gimbal policy "
                     "frontier again",
                     recorded, sha);
    }
    out_.inputs.push_back({role, path, sha});
    return found;
  }
  Result<std::string> input(const std::string& role, const std::string& path) { return input(role, path, folder_); }

  // A misspelt level would forbid nothing, silently.
  Result<void> check_forbidden_levels() const {
    for (const ForbiddenCell& cell : out_.request.limits.forbids) {
      std::set<std::string> levels;
      for (const data::DataTable* table : {parts_.population_units, parts_.training_units}) {
        const data::Column* column = table ? table->find(cell.column) : nullptr;
        if (!column) continue;
        const data::Categories found = data::as_categories(*column);
        levels.insert(found.levels.begin(), found.levels.end());
      }
      if (levels.empty() || levels.contains(cell.level)) continue;
      return fail_at("--forbid", ErrorCode::kUsage, "no unit has {} in the column {}{}", gimbal::quoted(cell.level),
                     gimbal::quoted(cell.column), did_you_mean(cell.level, std::vector(levels.begin(), levels.end())));
    }
    return {};
  }

  bool columns_needed() const {
    const std::string& baseline = out_.request.baseline;
    return !out_.request.limits.columns().empty() || baseline.starts_with("columns:") || baseline.starts_with("policy:");
  }

  Result<void> read_baseline_policy() {
    if (!out_.request.baseline.starts_with("policy:")) return {};
    GIMBAL_TRY(const std::string path, input("baseline", out_.request.baseline.substr(7)));
    GIMBAL_TRY(PolicyFile policy, read_policy_file(path));
    out_.baseline_policy = std::make_shared<const PolicyFile>(std::move(policy));
    return {};
  }

  Result<void> from_model() {
    FrontierRequest& request = out_.request;
    GIMBAL_TRY(const std::string model_path, input("model", request.model));
    model_folder_ = std::filesystem::path(model_path).parent_path().string();
    GIMBAL_TRY(const JsonView json, read_document(model_path, {kModelSchema}));
    GIMBAL_TRY(Model read, Model::read(json));
    out_.model = std::make_shared<const Model>(std::move(read));
    const Model& model = *out_.model;
    out_.data = model.flags;
    out_.training = model.training;
    if (request.baseline.empty()) request.baseline = model.flags.baseline;
    if (!request.c0) request.c0 = model.outcome_sign() * model.c0;
    GIMBAL_TRY(read_baseline_policy());

    // The training rows: out-of-fold predictions, and the full-data models' for a population that is not given.
    std::shared_ptr<Table> training;
    std::optional<NuisanceTable> oof;
    const std::string oof_path = nuisance_path_of(request.model);
    if (exists(locate_input(oof_path, folder_))) {
      GIMBAL_TRY(const std::string path, input("nuisances", oof_path));
      NuisanceReadOptions options;
      options.minimize = model.flags.minimize;
      if (!model.flags.cluster.empty()) options.cluster_column = "cluster";
      GIMBAL_TRY(oof, read_nuisance_table(path, options));
      if (oof->table.arms != model.arms) {
        return fail_at(path, ErrorCode::kConflict, "the table's arms ({}) are not those of {} ({})",
                       join(oof->table.arms, ", "), request.model, join(model.arms, ", "));
      }
    } else if (request.population.empty()) {
      return fail_at(oof_path, ErrorCode::kNotFound,
                     "the training rows' table is not beside the model; give covariates with --population FILE");
    }
    std::optional<data::DataTable> training_units;
    if (oof && columns_needed()) {
      GIMBAL_TRY(training_units, read_training_units(*oof));
      training_units_ = std::move(*training_units);
      parts_.training_units = &training_units_;
    }
    if (oof) {
      if (!oof->id.empty()) oof->table.ids = std::make_shared<const std::vector<std::string>>(std::move(oof->id));
      training = std::make_shared<Table>(oof->table);
      GIMBAL_TRY(training->b, baseline_probabilities(request.baseline, out_.baseline_policy, model.arms, training->e,
                                                     parts_.training_units, request.unknown));
      if (model.spec.folds > 1 || model.spec.learner == Learner::kColumns) {
        parts_.training = training;
        parts_.logged = std::make_shared<const Logged>(*oof->logged);
      }
    }
    if (!request.population.empty()) {
      GIMBAL_TRY(const std::string path, input("population", request.population));
      GIMBAL_TRY(data::DataTable table, data::read_table(path, {.text_columns = model.text_columns()}));
      const std::string& weight = model.flags.weight;
      GIMBAL_TRY(Units units, predict_units(model, std::move(table), request.baseline, out_.baseline_policy,
                                            units_have(weight, path) ? weight : "", request.unknown));
      parts_.population = units.nuisances;
      out_.population = std::move(units.table);
      out_.trimmed = units.trimmed;
      out_.unknown_cells = units.unknown_cells;
      parts_.population_units = &out_.population;
      return {};
    }
    auto population = std::make_shared<Table>(oof->full_table());
    population->b = training->b;
    parts_.population = population;
    parts_.population_units = parts_.training_units;
    return {};
  }

  // A population may lack the weight column: then every unit counts alike.
  bool units_have(const std::string& column, const std::string& path) const {
    if (column.empty()) return false;
    Result<data::CsvReader> reader = data::CsvReader::open(path);
    return reader && std::ranges::find(reader->header(), column) != reader->header().end();
  }

  // The columns of the training rows, in the order of the out-of-fold table.
  Result<data::DataTable> read_training_units(const NuisanceTable& oof) {
    GIMBAL_TRY(const std::string path, input("training", out_.training.path, folder_.empty() ? model_folder_ : folder_));
    GIMBAL_TRY(const std::string sha, sha256_file(path));
    if (sha != out_.training.sha256) {
      return fail_at(path, ErrorCode::kConflict,
                     "the training file has changed since the model was fitted: expected sha256 {}, found {}",
                     out_.training.sha256, sha);
    }
    GIMBAL_TRY(LoggedData data, load_logged(path, out_.model->flags, {.all_columns = true}));
    if (data.rows() == oof.table.units()) return std::move(data.table);
    if (oof.id.empty()) {
      return fail_at(path, ErrorCode::kUnsupported,
                     "--trim left rows out, so the training rows can only be matched by id: fit with --id COLUMN");
    }
    std::unordered_map<std::string, std::size_t> row_of;
    const data::Column& ids = *data.table.find(out_.model->flags.id);
    for (std::size_t i = 0; i < data.rows(); ++i) row_of.emplace(ids.text(i), i);
    std::vector<std::size_t> rows;
    for (const std::string& id : oof.id) {
      const auto at = row_of.find(id);
      if (at == row_of.end())
        return fail_at(path, ErrorCode::kConflict, "id {} of the out-of-fold table is not in the training file",
                       gimbal::quoted(id));
      rows.push_back(at->second);
    }
    return data.table.select_rows(rows);
  }

  Result<void> from_nuisances() {
    FrontierRequest& request = out_.request;
    GIMBAL_TRY(const std::string path, input("nuisances", request.nuisances));
    NuisanceReadOptions options;
    options.cluster_column = request.cluster;
    options.minimize = request.minimize;
    GIMBAL_TRY(NuisanceTable read, read_nuisance_table(path, options));
    out_.data.cluster = request.cluster;
    out_.data.minimize = request.minimize;
    out_.training = {request.nuisances, out_.inputs.back().sha256, "", ""};
    if (columns_needed()) {
      GIMBAL_TRY(training_units_, data::read_table(path));
      parts_.training_units = &training_units_;
    }
    GIMBAL_TRY(read_baseline_policy());
    const bool own_baseline = request.baseline.empty();
    if (own_baseline) request.baseline = read.table.b.empty() ? "logging" : "columns:b_";
    if (!own_baseline) {
      GIMBAL_TRY(read.table.b, baseline_probabilities(request.baseline, out_.baseline_policy, read.table.arms, read.table.e,
                                                      parts_.training_units, request.unknown));
    }
    if (!request.c0) request.c0 = (request.minimize ? -1.0 : 1.0) * default_centre(read);
    if (!read.id.empty()) read.table.ids = std::make_shared<const std::vector<std::string>>(std::move(read.id));
    if (read.logged) {
      parts_.training = std::make_shared<const Table>(read.table);
      parts_.logged = std::make_shared<const Logged>(*read.logged);
    }
    if (request.population.empty()) {
      parts_.population =
          read.full_mu.empty() && parts_.training ? parts_.training : std::make_shared<const Table>(read.full_table());
      parts_.population_units = parts_.training_units;
      return {};
    }
    GIMBAL_TRY(const std::string population_path, input("population", request.population));
    GIMBAL_TRY(NuisanceTable population,
               read_nuisance_table(population_path, {.cluster_column = "", .minimize = request.minimize}));
    if (population.table.arms != read.table.arms) {
      return fail_at(request.population, ErrorCode::kConflict, "the population's arms ({}) are not those of {} ({})",
                     join(population.table.arms, ", "), request.nuisances, join(read.table.arms, ", "));
    }
    if (columns_needed()) {
      GIMBAL_TRY(out_.population, data::read_table(population_path));
      parts_.population_units = &out_.population;
    }
    if (!own_baseline) {
      GIMBAL_TRY(population.table.b, baseline_probabilities(request.baseline, out_.baseline_policy, population.table.arms,
                                                            population.table.e, parts_.population_units, request.unknown));
    }
    if (!population.id.empty())
      population.table.ids = std::make_shared<const std::vector<std::string>>(std::move(population.id));
    parts_.population = std::make_shared<const Table>(std::move(population.table));
    return {};
  }

  // Weighted mean of y if present, else the mean of sum_a e_a mu_a.
  static double default_centre(const NuisanceTable& read) {
    NeumaierSum sum, total;
    for (std::size_t i = 0; i < read.table.units(); ++i) {
      const double w = read.table.weight_of(i);
      double value = 0;
      if (read.logged)
        value = read.logged->outcome[i];
      else
        for (std::size_t a = 0; a < read.table.arm_count(); ++a) value += read.table.e(i, a) * read.table.mu(i, a);
      sum += w * value;
      total += w;
    }
    return sum.value() / total.value();
  }

  std::string folder_, model_folder_;
  const std::vector<InputFile>& expected_;
  LoadedFrontier out_;
  FrontierParts parts_;
  data::DataTable training_units_{"training"};
};

}  // namespace

std::string locate_input(const std::string& path, const std::string& folder, std::string_view sha256) {
  if (folder.empty() || std::filesystem::path(path).is_absolute()) return path;
  const std::string beside = (std::filesystem::path(folder) / path).string();
  if (!exists(path)) return exists(beside) ? beside : path;
  if (sha256.empty() || !exists(beside)) return path;
  const Result<std::string> own = sha256_file(path), other = sha256_file(beside);
  return (!own || *own != sha256) && other && *other == sha256 ? beside : path;
}

std::string nuisance_path_of(const std::string& model_path) { return model_path + ".oof.csv.gz"; }

Result<LoadedFrontier> load_frontier(const FrontierRequest& request, const std::string& folder,
                                     const std::vector<InputFile>& expected) {
  return Loader(request, folder, expected).load();
}

// The grid that a document holds; empty where it holds the points of rules instead.
static Result<std::vector<KnownPoint>> read_known_points(const JsonView& json, const Frontier& frontier) {
  std::vector<KnownPoint> out;
  const double n = frontier.options().test.n;
  GIMBAL_TRY(const JsonView list, json.get("points"));
  GIMBAL_TRY(const std::vector<JsonView> items, list.items());
  for (const JsonView& item : items) {
    GIMBAL_TRY(const std::string at, item.string("at"));
    if (at != "grid") continue;
    const auto moments_of = [&](const char* tau_name, const char* se_name) -> Result<Moments> {
      GIMBAL_TRY(const double tau, item.number(tau_name));
      GIMBAL_TRY(const double se, item.number(se_name));
      return Moments{tau, tau * tau + n * se * se};
    };
    KnownPoint point;
    point.lambda = kInfinity;  // written as null
    if (item.has("lambda")) {
      GIMBAL_TRY(point.lambda, item.number("lambda"));
    }
    GIMBAL_TRY(point.plugin, moments_of("tau", "se"));
    if (item.has("tau_honest")) {
      GIMBAL_TRY(point.honest, moments_of("tau_honest", "se_honest"));
    }
    GIMBAL_TRY(const JsonView prices, item.get("shadow_prices"));
    for (const std::string& name : frontier.constraint_names()) {
      GIMBAL_TRY(const double price, prices.number(name));
      point.shadow_prices.push_back(price);
    }
    if (!out.empty() && !(point.lambda > out.back().lambda)) {
      return fail(ErrorCode::kCorrupted, "{}: the points do not ascend in lambda", list.path());
    }
    out.push_back(std::move(point));
  }
  if (!out.empty() && std::isfinite(out.back().lambda)) out.clear();
  return out;
}

Result<LoadedFrontier> load_frontier_document(const std::string& path) {
  GIMBAL_TRY(const JsonView json, read_document(path, {kFrontierSchema}));
  GIMBAL_TRY(json.expect_only({"schema",
                               "gimbal",
                               "score",
                               "n_units",
                               "n_test",
                               "alpha",
                               "side",
                               "arms",
                               "baseline",
                               "c0",
                               "curve",
                               "lambda_max_z",
                               "lambda_saturated_1pct",
                               "lambda_saturated_5pct",
                               "breakpoints",
                               "points",
                               "max_z",
                               "max_tau",
                               "promise_gap",
                               "inputs",
                               "options",
                               "warnings",
                               "timing_ms"}));
  GIMBAL_TRY(const JsonView options, json.get("options"));
  GIMBAL_TRY(const FrontierRequest request, FrontierRequest::read(options));
  GIMBAL_TRY(const JsonView inputs, json.get("inputs"));
  GIMBAL_TRY(const std::vector<JsonView> items, inputs.items());
  std::vector<InputFile> expected;
  for (const JsonView& item : items) {
    InputFile file;
    GIMBAL_TRY(file.role, item.string("role"));
    GIMBAL_TRY(file.path, item.string("path"));
    GIMBAL_TRY(file.sha256, item.string("sha256"));
    expected.push_back(std::move(file));
  }
  GIMBAL_TRY(LoadedFrontier loaded, load_frontier(request, std::filesystem::path(path).parent_path().string(), expected));
  if (loaded.frontier->constrained()) {
    GIMBAL_TRY(std::vector<KnownPoint> known, read_known_points(json, *loaded.frontier));
    auto frontier = std::make_shared<Frontier>(*loaded.frontier);
    frontier->remember(std::move(known));
    loaded.frontier = std::move(frontier);
  }
  return loaded;
}

Result<Frontier> make_frontier(const FrontierParts& parts, const FrontierRequest& request) {
  FrontierInput input;
  input.population = parts.population;
  const std::vector<std::string>& arms = parts.population->arms;
  const std::size_t n = parts.population->units();
  GIMBAL_TRY(input.bounds, resolve_bounds(request.limits, arms, parts.population_units, n));
  GIMBAL_TRY(input.constraints, resolve_constraints(request.limits, arms, parts.population_units, n));
  if (parts.training) {
    input.training = parts.training;
    input.logged = parts.logged;
    GIMBAL_TRY(input.training_bounds, resolve_bounds(request.limits, arms, parts.training_units, parts.training->units()));
    GIMBAL_TRY(input.training_constraints,
               resolve_constraints(request.limits, arms, parts.training_units, parts.training->units()));
  }
  FrontierOptions options;
  options.score = request.score;
  options.c0 = parts.c0;
  options.points = request.points;
  options.test = {request.n_test.value_or(static_cast<double>(n)), request.alpha, request.side};
  if (options.test.n < 2)
    return fail_at("--n-test", ErrorCode::kUsage, "expected an integer of at least 2, found {}", options.test.n);
  options.curve = request.curve;
  options.deterministic = request.deterministic;
  options.seed = request.seed;
  return Frontier::build(std::move(input), std::move(options));
}

PolicyFile make_policy(const LoadedFrontier& loaded, const FrontierPoint& point, std::string_view rule, CurveKind curve,
                       bool fallback) {
  const Frontier& frontier = *loaded.frontier;
  PolicyFile out;
  out.source = loaded.model ? PolicyFile::Source::kModel : PolicyFile::Source::kNuisances;
  out.arms = frontier.arms();
  out.lambda = *point.lambda;
  out.effective_lambda = point.effective_lambda;
  out.eta = point.eta;
  out.score = frontier.options().score;
  out.centre = frontier.centre();
  out.deterministic = frontier.options().deterministic;
  out.limits = loaded.request.limits;
  out.baseline = loaded.request.baseline;
  out.baseline_policy = loaded.baseline_policy;
  out.c0 = loaded.c0;
  out.select = rule;
  out.curve = curve;
  out.fallback = fallback;
  Promise promise{point.moments.tau, point.z1, point.power, frontier.options().test.n, {}, {}};
  if (point.honest) {
    promise.tau_honest = point.honest->tau;
    promise.power_honest = point.honest->power;
  }
  out.promise = promise;
  out.data = loaded.data;
  if (loaded.model) out.model = *loaded.model;
  out.training = loaded.training;
  return out;
}

}  // namespace gimbal::policy
