// gimbal policy tree: a policy that fits on a slide.
#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_training_rows.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/data/npy.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/document.h"
#include "gimbal/policy/logged_data.h"
#include "gimbal/policy/nuisance_table.h"
#include "gimbal/policy/tree.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::optional<std::string> model;
  std::string scores, features_file, objective = "reward", score = "dr";
  std::vector<std::string> features;
  int depth = 2, bins = 256;
  std::optional<std::int64_t> min_leaf;
  std::optional<double> lambda;
  std::optional<std::string> out, svg;
};

// What the tree is grown on and the policy file that carries it.
struct Source {
  policy::TreeInput input;
  policy::PolicyFile file;
};

// Gamma: out-of-fold doubly robust scores of a model's training rows; features in the tree design, so that categories are 0/1
// columns.
Result<Source> from_model(const Flags& flags) {
  Source out;
  GIMBAL_TRY(const JsonView json, policy::read_document(*flags.model, {policy::kModelSchema}));
  GIMBAL_TRY(policy::Model model, policy::Model::read(json));
  policy::NuisanceReadOptions options;
  if (!model.flags.cluster.empty()) options.cluster_column = "cluster";
  options.minimize = model.flags.minimize;
  GIMBAL_TRY(const policy::NuisanceTable oof, policy::read_nuisance_table(policy::nuisance_path_of(*flags.model), options));
  const std::string folder = std::filesystem::path(*flags.model).parent_path().string();
  const std::string training = policy::locate_input(model.training.path, folder, model.training.sha256);
  GIMBAL_TRY(const std::string sha, sha256_file(training));
  if (sha != model.training.sha256) {
    return fail_at(training, ErrorCode::kConflict,
                   "the training file has changed since the model was fitted: expected sha256 {}, found {}",
                   model.training.sha256, sha);
  }
  GIMBAL_TRY(const policy::LoggedData data, policy::load_logged(training, model.flags, {.all_columns = true}));
  if (data.rows() != oof.table.units()) {
    return fail_at(*flags.model, ErrorCode::kUnsupported,
                   "the model left out rows (--trim): grow the tree from --scores and --features-file");
  }
  if (model.encoding.features().empty()) {
    // A model without covariates (--learner mean, columns) knows no encoding: every column without a role is a feature.
    policy::FitSpec spec = model.spec;
    GIMBAL_TRY(const std::vector<data::FeatureSpec> columns, policy::feature_columns(data.table, model.flags, spec, data.arms));
    GIMBAL_TRY(model.encoding, data::Encoding::fit(data.table, columns));
  }
  GIMBAL_TRY(data::Encoded encoded, model.encoding.apply(data.table, {.design = data::Design::kTree}));
  out.input.features = model.encoding.design_names(data::Design::kTree);
  out.input.x = std::move(encoded.x);
  out.input.arms = model.arms;
  out.input.weight = oof.table.weight;
  const std::size_t n = data.rows(), arms = model.arms.size();
  GIMBAL_TRY(const Matrix b, policy::baseline_probabilities(model.flags.baseline, nullptr, model.arms, oof.table.e, &data.table,
                                                            data::UnknownCategory::kError));
  if (flags.objective == "reward") {
    out.input.scores = Matrix(n, arms);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t a = 0; a < arms; ++a) out.input.scores(i, a) = oof.table.mu(i, a);
      const std::size_t given = static_cast<std::size_t>(oof.logged->action[i]);
      out.input.scores(i, given) += (oof.logged->outcome[i] - oof.table.mu(i, given)) / oof.table.e(i, given);
    }
  } else {
    if (arms != 2) return fail_at("--objective", ErrorCode::kUnsupported, "frontier trees need two arms, found {}", arms);
    GIMBAL_TRY(const policy::Score score, policy::parse_score(flags.score));
    const double centre = score == policy::Score::kIpw ? 0 : model.c0;
    for (std::size_t i = 0; i < n; ++i) {
      const double c = oof.table.mu(i, 1) - oof.table.mu(i, 0);
      double k = 0;
      for (std::size_t a = 0; a < 2; ++a) {
        const double shift = score == policy::Score::kDr ? 0 : oof.table.mu(i, a) - centre;
        k += (shift * shift + oof.table.var(i, a)) / oof.table.e(i, a);
      }
      out.input.effect.push_back(c);
      out.input.cost.push_back(score == policy::Score::kDr ? c * c + k : k);
      out.input.baseline.push_back(b.empty() ? oof.table.e(i, 1) : b(i, 1));
    }
  }
  out.file.arms = model.arms;
  out.file.baseline = model.flags.baseline;
  out.file.c0 = model.c0;
  out.file.data = model.flags;
  out.file.training = model.training;
  out.file.model = std::move(model);
  return out;
}

Result<Matrix> read_scores(const std::string& path, std::vector<std::string>& arms) {
  if (path.ends_with(".npy") || path.ends_with(".npy.gz")) {
    GIMBAL_TRY(Matrix scores, data::read_npy_matrix(path));
    for (std::size_t a = 0; a < scores.cols(); ++a) arms.push_back(std::to_string(a));
    return scores;
  }
  GIMBAL_TRY(const data::DataTable table, data::read_table(path));
  Matrix scores(table.rows(), table.columns().size());
  for (std::size_t a = 0; a < table.columns().size(); ++a) {
    const data::Column& column = table.columns()[a];
    GIMBAL_TRY(const std::vector<double> values, data::finite_numbers(table, column, "score"));
    for (std::size_t i = 0; i < values.size(); ++i) scores(i, a) = values[i];
    arms.push_back(column.name);
  }
  return scores;
}

Result<Source> from_scores(const Flags& flags) {
  if (flags.features_file.empty())
    return fail_at("--features-file", ErrorCode::kUsage, "--scores needs the features of the same rows");
  if (flags.objective != "reward")
    return fail_at("--objective", ErrorCode::kUsage, "frontier trees are grown from a model, not from --scores");
  Source out;
  GIMBAL_TRY(out.input.scores, read_scores(flags.scores, out.input.arms));
  GIMBAL_TRY(const data::DataTable table, data::read_table(flags.features_file));
  if (table.rows() != out.input.scores.rows()) {
    return fail_at(flags.features_file, ErrorCode::kInvalidArgument, "expected {} rows as in {}, found {}",
                   out.input.scores.rows(), flags.scores, table.rows());
  }
  std::vector<const data::Column*> columns;
  for (const data::Column& column : table.columns()) {
    if (!flags.features.empty() && std::ranges::find(flags.features, column.name) == flags.features.end()) continue;
    if (!column.is_numeric()) {
      return fail_at(flags.features_file, ErrorCode::kInvalidArgument,
                     "column \"{}\" holds text; a tree over --scores splits numbers: leave it out with --features, or grow the "
                     "tree from a model",
                     column.name);
    }
    columns.push_back(&column);
    out.input.features.push_back(column.name);
  }
  for (const std::string& name : flags.features) GIMBAL_TRY(data::require_column(table, name, "--features"));
  out.input.x = Matrix(table.rows(), columns.size());
  for (std::size_t f = 0; f < columns.size(); ++f) {
    for (std::size_t i = 0; i < table.rows(); ++i) out.input.x(i, f) = columns[f]->numbers[i];
  }
  out.file.arms = out.input.arms;
  out.file.training.path = flags.features_file;
  GIMBAL_TRY(out.file.training.sha256, sha256_file(flags.features_file));
  return out;
}

run::Chart tree_chart(const policy::PolicyTree& tree) {
  run::TreeChart chart;
  chart.title = "Policy tree";
  chart.description = "Each leaf shows the arm that its units get, how many they are, and the mean share of each arm.";
  for (const policy::TreeNode& node : tree.nodes) {
    run::TreeNode drawn;
    if (node.is_leaf()) {
      drawn.text = tree.arms[static_cast<std::size_t>(node.arm)];
      drawn.lines.push_back(format_count(static_cast<std::int64_t>(node.n)) + " units");
      if (tree.objective == policy::TreeObjective::kFrontier) drawn.lines.push_back("shift " + signed_significant(node.shift));
      drawn.colour = node.arm;
    } else {
      drawn.text = tree.features[static_cast<std::size_t>(node.feature)];
      drawn.lines.push_back("<= " + format_significant(node.threshold, 4) + "?");
      drawn.children = {static_cast<std::size_t>(node.left), static_cast<std::size_t>(node.right)};
      drawn.edges = {"yes", "no"};
    }
    chart.nodes.push_back(std::move(drawn));
  }
  return run::draw(chart);
}

Result<int> tree(CommandContext& context, const Flags& flags) {
  if (flags.model.has_value() == !flags.scores.empty()) {
    return fail_at("MODEL", ErrorCode::kUsage, "give either a model or --scores GAMMA with --features-file X");
  }
  policy::TreeOptions options;
  GIMBAL_TRY(options.objective, policy::parse_tree_objective(flags.objective));
  if (options.objective == policy::TreeObjective::kReward && flags.score != "dr") {
    return fail_at(
        "--score", ErrorCode::kUsage,
        "expected dr, found {}: the reward objective sums doubly robust scores; cipw and ipw are for --objective frontier",
        gimbal::quoted(flags.score));
  }
  if (flags.score != "dr" && flags.score != "cipw" && flags.score != "ipw") {
    return fail_at("--score", ErrorCode::kUsage, "expected dr, cipw or ipw, found {}", gimbal::quoted(flags.score));
  }
  options.depth = flags.depth;
  options.bins = flags.bins;
  if (flags.min_leaf) options.min_leaf = static_cast<std::size_t>(*flags.min_leaf);
  if (options.objective == policy::TreeObjective::kFrontier && !flags.lambda) {
    return fail_at("--lambda", ErrorCode::kUsage,
                   "the frontier objective needs the price of improvement: --lambda V (as a point of `frontier` shows it)");
  }
  options.lambda = flags.lambda.value_or(0);
  GIMBAL_TRY(Source source, flags.model ? from_model(flags) : from_scores(flags));
  context.lap("read");
  GIMBAL_TRY(const policy::PolicyTree grown, policy::fit_tree(source.input, options));
  context.lap("compute");
  std::vector<OutputFile> files;
  if (flags.svg) files.push_back({*flags.svg, tree_chart(grown).svg});
  DocumentWriter document("gimbal.policy.tree/1");
  policy::write_tree_fields(document.json(), grown);
  if (flags.out) {
    source.file.source = policy::PolicyFile::Source::kTree;
    source.file.lambda = source.file.effective_lambda = flags.lambda.value_or(policy::kInfinity);
    source.file.tree = grown;
    if (flags.model && exists(ids_path_of(*flags.model))) {
      files.push_back({ids_path_of(*flags.out), ""});
      GIMBAL_TRY(files.back().content, read_file(ids_path_of(*flags.model)));
    }
    files.push_back({*flags.out, source.file.text() + "\n"});
  }
  GIMBAL_TRY(finish_document(context, document, {}, std::move(files)));
  const double sign = source.file.data.outcome_sign();  // scores are made large; the value is reported as the outcome stands
  std::string text = policy::tree_text(grown);
  text += fmt::format(
      "\n{} per unit: {}\n", grown.objective == policy::TreeObjective::kReward ? "Value on held-out scores" : "Objective",
      format_significant((grown.objective == policy::TreeObjective::kReward ? sign : 1.0) * grown.reward_per_unit, 4));
  text += "The value of the tree that looks best is optimistic: evaluate it on a test set.\n";
  text += flags.out ? fmt::format("\nNext: gimbal policy evaluate {} TEST.csv\n", *flags.out)
                    : "\nNext: write the policy with -o tree.json\n";
  context.print(text);
  return 0;
}

}  // namespace

Command policy_tree_command() {
  auto flags = std::make_shared<Flags>();
  Command command("tree", "Grow an interpretable policy: exact to depth 2, greedy below.");
  command.description(
      "Splits maximize the out-of-fold doubly robust scores of the assigned arms (reward) or, for two arms, the frontier's "
      "objective at a lambda. "
      "A row goes left iff its value is at most the threshold; missing values go right.");
  command.positional("MODEL", &flags->model)
      .file()
      .beside({".oof.csv.gz", ".ids"})
      .optional()
      .help("a model of `gimbal policy fit`");
  command.option("--scores", &flags->scores).file().value("FILE").help("scores Gamma, a column an arm: .csv or .npy");
  command.option("--features-file", &flags->features_file)
      .file()
      .value("FILE")
      .help("features of the same rows, with --scores");
  command.option("--features", &flags->features).value("LIST").help("columns of --features-file to split on");
  command.option("--depth", &flags->depth).min(0).max(10).help("levels of splits");
  command.option("--bins", &flags->bins)
      .min(2)
      .max(65536)
      .help("quantile bins a feature; exact where there are no more values");
  command.option("--min-leaf", &flags->min_leaf).min(1).show_default("1 % of the rows, at least 10").help("units in a leaf");
  command.option("--objective", &flags->objective).value("reward|frontier").help("what splits maximize");
  command.option("--lambda", &flags->lambda).min(0).value("V").help("price of improvement, with --objective frontier");
  command.option("--score", &flags->score).value("dr|cipw|ipw").help("variance cost of the frontier objective");
  command.option("--svg", &flags->svg).written().value("FILE").help("the tree as a picture");
  add_out(command, &flags->out).beside({".ids"}).help("the policy file, for `apply` and `evaluate`");
  command.example("gimbal policy tree model.json --depth 2 -o tree.json --svg tree.svg");
  command.run([flags](CommandContext& context) { return tree(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
