#include "gimbal/cli/policy_run_steps.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <unordered_set>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_choose.h"
#include "gimbal/cli/policy_fit.h"
#include "gimbal/cli/policy_progress.h"
#include "gimbal/cli/policy_run_folder.h"
#include "gimbal/cli/policy_training_rows.h"
#include "gimbal/cli/run_setup.h"
#include "gimbal/data/csv.h"
#include "gimbal/policy/evaluate_document.h"
#include "gimbal/policy/limits.h"
#include "gimbal/policy/split.h"
#include "gimbal/run/run_directory.h"

namespace gimbal::cli {
namespace {

// The report's sentences carry its mark-up; a terminal shows them plain.
std::string without_markup(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size())
      out += text[++i];
    else if (text[i] != '*' && text[i] != '`')
      out += text[i];
  }
  return plain_punctuation(out);
}

// One run of the command. Steps write their artifacts and leave their values here for the report.
class PolicyRun {
 public:
  PolicyRun(CommandContext& context, const RunFlags& flags) : context_(context), flags_(flags) {}

  Result<int> run() {
    if (flags_.data.empty())
      return fail_at("DATA", ErrorCode::kUsage, "give the logged data, or --resume DIR to go on with a run");
    // Everything that can be wrong with the flags is found before a folder is made.
    GIMBAL_TRY(columns_, data_flags(flags_.columns));
    if (!columns_.propensity) return fail(policy::missing_propensity());
    GIMBAL_TRY(spec_, fit_spec(flags_.fit, context_.seed));
    GIMBAL_TRY(parse_rule(flags_.select, "--select"));
    GIMBAL_TRY(fallback_, parse_fallback(flags_.fallback));
    if (!flags_.test.empty() && context_.given("split")) {
      return fail_at("--split", ErrorCode::kUsage, "--test names the test data, so nothing is split: give one of the two");
    }
    GIMBAL_TRY(request_, frontier_request(flags_.frontier, "model.json", context_.seed));
    GIMBAL_TRY(refuse_standard_input(flags_.data, "DATA"));
    GIMBAL_TRY(refuse_standard_input(flags_.test, "--test"));
    if (const std::int64_t draws = flags_.evaluation.bootstrap; draws > 0 && draws < policy::kFewestBootstrapDraws) {
      return fail_at("--bootstrap", ErrorCode::kUsage, "expected 0 or at least {} draws, found {}",
                     policy::kFewestBootstrapDraws, draws);
    }
    GIMBAL_TRY(check_data());
    GIMBAL_TRY(open());
    Result<int> outcome = directory_->conclude(steps());
    // Input that cannot be used, or data that cannot answer, leave nothing behind, so that the next try may take the same name.
    if (!outcome && !flags_.resume && !keep_models_ &&
        (exit_code(outcome.error().code) == 2 || exit_code(outcome.error().code) == 3)) {
      const std::string folder = directory_->path();
      directory_.reset();
      cleanup_.remove(folder);
    }
    return outcome;
  }

 private:
  // Reads and splits; bad input leaves no folder behind.
  Result<void> check_data() {
    policy::LoadOptions load = fit_load_options(columns_, spec_);
    load.all_columns = true;
    GIMBAL_TRY(all_, policy::load_logged(flags_.data, columns_, load));
    warn_count(context_, "missing_outcome", all_.dropped_missing_outcome, "row", "without an outcome skipped");
    columns_.arms = all_.arms;
    GIMBAL_TRY(check_baseline(all_, columns_, spec_.unknown));
    GIMBAL_TRY(check_rules());
    GIMBAL_TRY(policy::resolve_bounds(request_.limits, all_.arms, &all_.table, all_.rows()));
    GIMBAL_TRY(policy::resolve_constraints(request_.limits, all_.arms, &all_.table, all_.rows()));
    if (flags_.frontier.deterministic && all_.arms.size() != 2) {
      return fail_at("--deterministic", ErrorCode::kUnsupported, "a frontier without randomization needs two arms, found {}",
                     all_.arms.size());
    }
    if (!flags_.test.empty()) {
      GIMBAL_TRY(const std::string train_sha, sha256_file(flags_.data));
      GIMBAL_TRY(const std::string test_sha, sha256_file(flags_.test));
      if (train_sha == test_sha)
        return fail_at("--test", ErrorCode::kConflict, "{} and {} are the same file: a policy must be tested on other rows",
                       flags_.data, flags_.test);
      load.arms_may_lack_rows = true;
      GIMBAL_TRY(const policy::LoggedData test, policy::load_logged(flags_.test, columns_, load));
      GIMBAL_TRY(check_ids(test.table));
      GIMBAL_TRY(check_groups(test.table));
      std::vector<std::size_t> every(all_.rows()), tested(test.rows());
      std::iota(every.begin(), every.end(), std::size_t{0});
      std::iota(tested.begin(), tested.end(), std::size_t{0});
      GIMBAL_TRY(check_levels(every, test.table, tested));
      rows_test_ = test.rows();
      rows_train_ = all_.rows();
    } else {
      GIMBAL_TRY(check_groups(all_.table));
      GIMBAL_TRY(split_, policy::split_rows(all_.logged.action, all_.logged.cluster, flags_.split, context_.seed));
      rows_train_ = split_.train.size();
      rows_test_ = split_.test.size();
      GIMBAL_TRY(check_split());
      GIMBAL_TRY(check_levels(split_.train, all_.table, split_.test));
    }
    context_.lap("read");
    return {};
  }

  // Both parts are large enough to be used at all.
  Result<void> check_split() const {
    if (split_.test.size() < 2) {
      return fail_at("--split", ErrorCode::kInsufficientData,
                     "{} of {} rows for training leaves {} for the test, at least 2 are needed", flags_.split, all_.rows(),
                     split_.test.size());
    }
    std::vector<std::size_t> rows(all_.arms.size(), 0), trained(all_.arms.size(), 0);
    for (const int arm : all_.logged.action) ++rows[static_cast<std::size_t>(arm)];
    for (const std::size_t i : split_.train) ++trained[static_cast<std::size_t>(all_.logged.action[i])];
    for (std::size_t a = 0; a < rows.size(); ++a) {
      if (trained[a] > 0) continue;
      return fail_at("--split", ErrorCode::kInsufficientData,
                     "arm {} has {} row{} in {}, none of them in the training part: leave the arm out of the data",
                     gimbal::quoted(all_.arms[a]), rows[a], rows[a] == 1 ? "" : "s", flags_.data);
    }
    return {};
  }

  // The models of the training rows will know every level of the test rows: said before hours of fitting, with the lines of the
  // user's own file.
  Result<void> check_levels(const std::vector<std::size_t>& train, const data::DataTable& test,
                            const std::vector<std::size_t>& tested) const {
    const bool tree = policy::fit_needs_tree(spec_, *columns_.propensity);
    if (spec_.unknown != data::UnknownCategory::kError || (!tree && !policy::fit_needs_linear(spec_, *columns_.propensity)))
      return {};
    GIMBAL_TRY(const std::vector<data::FeatureSpec> features, policy::feature_columns(all_.table, columns_, spec_, all_.arms));
    GIMBAL_TRY(const data::Encoding encoding, data::Encoding::fit(all_.table, features, {.rows = train}));
    const Result<data::Encoded> encoded =
        encoding.apply(test, {.design = tree ? data::Design::kTree : data::Design::kLinear, .rows = tested});
    if (encoded) return {};
    Error error = encoded.error();
    error.notes.push_back(
        "the rows of the test part must be known to models of the training part: leave such a column out with --features, or "
        "give --unknown-category missing");
    return fail(std::move(error));
  }

  // What the rules ask for is there: their arms, and the curve.
  Result<void> check_rules() const {
    std::vector<std::pair<std::string, std::string>> rules = {{"--select", flags_.select}};
    if (!fallback_.empty()) rules.emplace_back("--fallback", fallback_);
    for (const std::string& rule : flags_.frontier.at) rules.emplace_back("--at", rule);
    for (const auto& [flag, text] : rules) {
      GIMBAL_TRY(const policy::SelectRule rule, parse_rule(text, flag));
      if (rule.kind != policy::SelectRule::Kind::kShare) continue;
      GIMBAL_TRY(policy::find_arm(all_.arms, rule.arm, flag));
      if (flags_.frontier.deterministic) {
        return fail_at(flag, ErrorCode::kUnsupported, "share:ARM<=S is not available with --deterministic");
      }
    }
    if (request_.curve == policy::CurveKind::kHonest && spec_.folds == 1 && spec_.learner != policy::Learner::kColumns) {
      return fail_at("--curve", ErrorCode::kUsage, "the honest curve needs predictions for unseen rows: --folds 2 or more");
    }
    return {};
  }

  Result<void> check_groups(const data::DataTable& test) const {
    for (const std::string& name : flags_.evaluation.by) GIMBAL_TRY(data::require_column(test, name, "--by"));
    return {};
  }

  // No unit may stand in both files.
  Result<void> check_ids(const data::DataTable& test) const {
    if (columns_.id.empty()) return {};
    const data::Column *trained = all_.table.find(columns_.id), *tested = test.find(columns_.id);
    std::unordered_set<std::string> known;
    for (std::size_t i = 0; i < all_.table.rows(); ++i) known.insert(trained->text(i));
    Diagnostics shared;
    for (std::size_t i = 0; i < test.rows(); ++i) {
      const std::string id = tested->text(i);
      if (!known.contains(id)) continue;
      shared.add(test.where(i, *tested), fmt::format("id {} is in {} too", gimbal::quoted(id), flags_.data));
    }
    if (shared.empty()) return {};
    return fail(shared.to_error(ErrorCode::kConflict).with_note("a policy must be tested on units that it was not trained on"));
  }

  Result<void> open() {
    run::RunSetup setup = run_setup(context_);
    setup.path = flags_.resume && !flags_.resume->empty() ? *flags_.resume : flags_.run_dir.value_or("");
    GIMBAL_TRY(setup.inputs.emplace_back(), run::run_input("data", flags_.data));
    if (!flags_.test.empty()) {
      GIMBAL_TRY(setup.inputs.emplace_back(), run::run_input("test", flags_.test));
    }
    if (flags_.resume) {
      run::ResumeRules rules;
      rules.force = flags_.force;
      rules.may_change = {"out"};  // how the folder is spelled
      GIMBAL_TRY(run::RunDirectory opened,
                 run::RunDirectory::open_for_resume(setup.path, setup, rules, run_services(context_)));
      directory_.emplace(std::move(opened));
    } else {
      cleanup_ = RunFolderCleanup::before(setup);
      GIMBAL_TRY(run::RunDirectory created, run::RunDirectory::create(setup, run_services(context_)));
      directory_.emplace(std::move(created));
    }
    artifacts_ = (std::filesystem::path(directory_->path()) / "artifacts").string();
    return {};
  }

  std::string artifact(const std::string& name) const { return (std::filesystem::path(artifacts_) / name).string(); }
  Result<void> stage(const std::string& name) {
    if (context_.stop().stop_requested())
      return fail(ErrorCode::kInterrupted, "interrupted before \"{}\"; go on with --resume {}", name, directory_->path());
    context_.log().info(name);
    return directory_->event("stage", name);
  }

  // An interruption says how to go on; other errors stay as they are.
  Error resumable(Error error, std::string_view when) const {
    if (error.code != ErrorCode::kInterrupted) return error;
    error.message = fmt::format("interrupted {}; go on with --resume {}", when, directory_->path());
    return error;
  }

  Result<int> steps() {
    GIMBAL_TRY(split());
    GIMBAL_TRY(fit());
    GIMBAL_TRY(frontier());
    GIMBAL_TRY(const int status, choose());
    if (status != 0) return status;
    GIMBAL_TRY(evaluate());
    GIMBAL_TRY(report());
    return finish();
  }

  Result<void> split() {
    train_path_ = flags_.data;
    test_path_ = flags_.test;
    if (!flags_.test.empty()) return {};
    GIMBAL_TRY(stage("splitting"));
    train_path_ = artifact("train.csv.gz");
    test_path_ = artifact("test.csv.gz");
    if (!directory_->has_artifact("train.csv.gz"))
      GIMBAL_TRY(directory_->write_artifact("train.csv.gz", data::to_csv(all_.table.select_rows(split_.train))));
    if (!directory_->has_artifact("test.csv.gz"))
      GIMBAL_TRY(directory_->write_artifact("test.csv.gz", data::to_csv(all_.table.select_rows(split_.test))));
    context_.lap("split");
    return {};
  }

  Result<void> fit() {
    GIMBAL_TRY(stage("fitting"));
    if (directory_->has_artifact("model.json") && directory_->has_artifact("fit.json")) return read_fit();
    policy::LoggedData train = flags_.test.empty() ? all_.select_rows(split_.train) : std::move(all_);
    all_ = policy::LoggedData();
    Result<policy::CrossfitResult> fitted = crossfit_with_progress(context_, std::move(train), columns_, spec_);
    if (!fitted) return fail(resumable(std::move(fitted).error(), "while fitting"));
    fitted_ = std::move(*fitted);
    GIMBAL_TRY(fitted_->model.training, training_data_of(train_path_, context_.clock()));
    if (flags_.test.empty()) fitted_->model.training.path = "train.csv.gz";  // a run can be moved
    forward_warnings(context_, fitted_->warnings);
    // Before the model, whose presence says that the step is done.
    DocumentWriter document(kFitSchema);
    write_fit_fields(document.json(), *fitted_, "model.json");
    GIMBAL_TRY(directory_->write_artifact("fit.json", document.finish(context_) + "\n"));
    GIMBAL_TRY(write_model(*fitted_, artifact("model.json")));
    context_.lap("fit");
    return {};
  }

  // What a session before this one fitted, with its warnings.
  Result<void> read_fit() {
    GIMBAL_TRY(const JsonView model_json, JsonView::read_file(artifact("model.json")));
    GIMBAL_TRY(const policy::Model model, policy::Model::read(model_json));
    GIMBAL_TRY(const JsonView json, JsonView::read_file(artifact("fit.json")));
    GIMBAL_TRY(fitted_, read_fit_summary(json, model));
    // The document holds those of reading the data too, which this session has given already.
    std::erase_if(fitted_->warnings, [&](const Warning& warning) {
      return std::ranges::any_of(context_.warnings(), [&](const Warning& known) {
        return known.code == warning.code && known.message == warning.message;
      });
    });
    forward_warnings(context_, fitted_->warnings);
    return {};
  }

  Result<void> frontier() {
    GIMBAL_TRY(stage("computing the frontier"));
    policy::FrontierRequest request = request_;
    request.model = artifact("model.json");
    request.population = test_path_;
    request.unknown = spec_.unknown;
    GIMBAL_TRY(loaded_, policy::load_frontier(request, artifacts_));
    // The document lies in the same folder: names inside it are relative, so that a run can be moved.
    loaded_->request.model = "model.json";
    if (flags_.test.empty()) loaded_->request.population = "test.csv.gz";
    for (policy::InputFile& file : loaded_->inputs) {
      if (std::filesystem::path(file.path).parent_path() == std::filesystem::path(artifacts_))
        file.path = std::filesystem::path(file.path).filename().string();
    }
    {
      const policy::SolveHooks hooks = solve_hooks(context_, policy::document_steps(*loaded_));
      Result<policy::FrontierDocument> solved = policy::solve_document(*loaded_, hooks);
      if (!solved) return fail(resumable(std::move(solved).error(), "while the frontier was computed"));
      document_ = std::move(*solved);
    }
    forward_warnings(context_, loaded_->frontier->warnings());
    note_score(context_, *loaded_);
    if (const auto gap = loaded_->frontier->gap(document_->max_tau)) {
      if (const auto warning = policy::promise_warning(*gap)) forward_warnings(context_, {*warning});
    }
    DocumentWriter writer(policy::kFrontierSchema);
    policy::write_frontier_fields(writer.json(), *document_);
    GIMBAL_TRY(directory_->write_artifact("frontier.json", writer.finish(context_) + "\n"));
    GIMBAL_TRY(directory_->write_artifact("frontier.csv", policy::frontier_csv(*document_)));
    context_.lap("frontier");
    return {};
  }

  Result<int> choose() {
    GIMBAL_TRY(stage("choosing"));
    const policy::SolveHooks hooks = solve_hooks(context_, 0);
    Result<ChosenPoint> chosen = choose_point(*loaded_, flags_.select, request_.curve, fallback_, hooks);
    if (!chosen) return fail(resumable(std::move(chosen).error(), "while choosing"));
    chosen_ = std::move(*chosen);
    warn_plugin_choice(context_, *chosen_, *loaded_);
    if (!chosen_->stands()) return fail(keep_models(unreachable(*chosen_, *loaded_->frontier, fallback_)));
    if (chosen_->fallback) {
      context_.warn("fallback", fmt::format("{} cannot be reached ({}); the policy is that of {}", flags_.select,
                                            chosen_->choice.why, flags_.fallback));
    }
    const policy::PolicyFile file =
        policy::make_policy(*loaded_, chosen_->point, flags_.select, chosen_->curve, chosen_->fallback);
    GIMBAL_TRY(directory_->write_artifact("policy.json", file.text() + "\n"));
    if (directory_->has_artifact("model.json.ids")) {
      GIMBAL_TRY(const std::string ids, read_file(artifact("model.json.ids")));
      GIMBAL_TRY(write_atomic(artifact("policy.json.ids"), ids));
    }
    context_.lap("choose");
    return 0;
  }

  // Models that took hours are not thrown away because one rule cannot be met.
  Error keep_models(Error error) {
    if (error.code != ErrorCode::kInfeasible) return error;
    keep_models_ = true;
    const std::string rule = fallback_.empty() ? flags_.select + " --fallback max-z" : "max-tau";
    error.notes.push_back(
        fmt::format("{} keeps the model and the frontier; to go on without fitting again:", directory_->path()));
    error.notes.push_back(
        fmt::format("gimbal policy choose {} --select {} -o {}", artifact("frontier.json"), rule, artifact("policy.json")));
    return error;
  }

  Result<void> evaluate() {
    GIMBAL_TRY(stage("evaluating"));
    EvaluateOptions options = flags_.evaluation;
    options.policies = {artifact("policy.json")};
    options.test = test_path_;
    options.unknown_category = flags_.fit.unknown_category;
    options.score = flags_.frontier.score;
    options.level = flags_.frontier.test;
    GIMBAL_TRY(tested_, evaluate_test(context_, options, [](std::string_view) { return false; }));
    DocumentWriter writer("gimbal.policy.evaluation/1");
    policy::write_evaluation_fields(writer.json(), tested_->evaluation);
    GIMBAL_TRY(directory_->write_artifact("evaluation.json", writer.finish(context_) + "\n"));
    const Matrix& pi = tested_->test.policies.front().pi;
    const data::DataTable& table = tested_->test.data.table;
    const data::Column* ids = columns_.id.empty() ? nullptr : table.find(columns_.id);
    std::vector<std::string> header = {ids ? "id" : "row"};
    for (const std::string& arm : columns_.arms) header.push_back("p_" + arm);
    header.push_back("action");
    data::CsvWriter csv(header);
    for (std::size_t i = 0; i < pi.rows(); ++i) {
      const std::string id = ids ? ids->text(i) : std::string();
      if (ids)
        csv.cell(std::string_view(id));
      else
        csv.cell(static_cast<std::int64_t>(i));
      for (const double p : pi.row(i)) csv.cell(p);
      Stream stream = ids ? Stream(context_.seed, "policy.action", id) : Stream(context_.seed, "policy.action", i);
      csv.cell(std::string_view(columns_.arms[stream.categorical(pi.row(i))]));
      csv.end_row();
    }
    GIMBAL_TRY(directory_->write_artifact("actions_test.csv", csv.text()));
    context_.lap("evaluate");
    return {};
  }

  std::vector<policy::ReproduceCommand> commands() const {
    const bool split = flags_.test.empty();
    const auto outside = [](const std::string& path) { return std::filesystem::absolute(path).string(); };
    return reproduce_commands({artifacts_, split ? "train.csv.gz" : outside(flags_.data),
                               split ? "test.csv.gz" : outside(flags_.test), directory_->record().options, columns_.arms,
                               flags_.frontier.score, flags_.select, chosen_->fallback ? fallback_ : "", context_.seed});
  }

  Result<void> report() {
    GIMBAL_TRY(stage("writing the report"));
    const PreparedPolicy& prepared = tested_->test.policies.front();
    policy::PolicyReportInput input;
    input.subtitle = fmt::format("{}, {}", std::filesystem::path(flags_.data).filename().string(),
                                 format_utc(context_.clock().now()).substr(0, 10));
    input.frontier = &*document_;
    // Without randomization the report draws what randomization would buy behind the curve.
    std::optional<policy::LoadedFrontier> randomized;
    std::optional<policy::FrontierDocument> behind;
    if (request_.deterministic) {
      policy::FrontierRequest request = request_;
      request.deterministic = false;
      request.model = artifact("model.json");
      request.population = test_path_;
      request.unknown = spec_.unknown;
      GIMBAL_TRY(randomized, policy::load_frontier(request, artifacts_));
      GIMBAL_TRY(behind, policy::solve_document(*randomized));
      input.behind = &*behind;
    }
    input.chosen = &chosen_->point;
    GIMBAL_TRY(input.rule, policy::parse_select_rule(flags_.select));
    input.curve = chosen_->curve;
    input.fallback = chosen_->fallback;
    input.fallback_rule = flags_.fallback;
    input.why = chosen_->choice.why;
    const Matrix population_pi = loaded_->frontier->probabilities(chosen_->point).value_or(Matrix());
    input.population = &loaded_->frontier->model().table();
    input.pi = &population_pi;
    input.units = loaded_->population.rows() > 0 ? &loaded_->population : nullptr;
    input.model = loaded_->model.get();
    input.fit = fitted_ ? &*fitted_ : nullptr;
    input.evaluation = &tested_->evaluation;
    const policy::TestedPolicy tested = prepared.tested();
    GIMBAL_TRY(const policy::UnitScores scores,
               policy::unit_scores(tested_->test.data.logged, tested_->test.data.weight, tested));
    input.test_scores = &scores;
    input.test_unit_weight = tested_->test.data.weight;
    input.rows_train = static_cast<std::int64_t>(rows_train_);
    input.rows_test = static_cast<std::int64_t>(rows_test_);
    input.warnings = context_.warnings();
    input.commands = commands();
    input.timing_ms = context_.laps();
    input.version = GIMBAL_VERSION;
    input.seed = context_.seed;
    GIMBAL_TRY(directory_->write_report(run::to_html(policy::policy_report(input))));
    sentences_ = policy::report_sentences(input);
    context_.lap("report");
    return {};
  }

  Result<int> finish() {
    const policy::PolicyEvaluation& result = tested_->evaluation.policies.front();
    const std::optional<policy::Estimate>& primary =
        result.estimates[static_cast<std::size_t>(tested_->evaluation.spec.primary)];
    std::vector<run::Headline> headline;
    if (primary)
      headline = {{"improvement", primary->tau, "per unit"},
                  {"improvement_low", primary->ci_low, "per unit"},
                  {"improvement_high", primary->ci_high, "per unit"}};
    directory_->set_headline(std::move(headline));
    DocumentWriter document("gimbal.policy.run/1");
    JsonWriter& json = document.json();
    json.field("run_dir", directory_->path())
        .field("rows_train", static_cast<std::int64_t>(rows_train_))
        .field("rows_test", static_cast<std::int64_t>(rows_test_));
    json.key("choose").begin_object();
    write_choice_fields(json, *chosen_, *loaded_->frontier, artifact("policy.json"));
    json.end_object().key("evaluation").begin_object();
    policy::write_evaluation_fields(json, tested_->evaluation);
    json.end_object();
    GIMBAL_TRY(finish_document(context_, document));
    context_.print(wrap_text(without_markup(sentences_.chosen)) + "\n" + wrap_text(without_markup(sentences_.promised)) + "\n" +
                   wrap_text(without_markup(sentences_.tested)) + "\n" +
                   policy::summary_line(result, tested_->evaluation.spec) +
                   "\n\nReport: " + (std::filesystem::path(directory_->path()) / "report.html").string() +
                   "\nNext: gimbal policy apply " + artifact("policy.json") + " NEW.csv -o actions.csv\n");
    return 0;
  }

  CommandContext& context_;
  const RunFlags& flags_;
  policy::DataFlags columns_;
  policy::FitSpec spec_;
  policy::FrontierRequest request_;
  policy::LoggedData all_;
  policy::Split split_;
  std::size_t rows_train_ = 0, rows_test_ = 0;
  std::optional<run::RunDirectory> directory_;
  RunFolderCleanup cleanup_;
  bool keep_models_ = false;  // after a refusal
  std::string fallback_;      // "": none
  std::string artifacts_, train_path_, test_path_;
  std::optional<policy::CrossfitResult> fitted_;
  std::optional<policy::LoadedFrontier> loaded_;
  std::optional<policy::FrontierDocument> document_;
  std::optional<ChosenPoint> chosen_;
  std::optional<EvaluatedTest> tested_;
  policy::ReportSentences sentences_;
};

}  // namespace

Result<int> run_policy(CommandContext& context, const RunFlags& flags) { return PolicyRun(context, flags).run(); }

}  // namespace gimbal::cli
