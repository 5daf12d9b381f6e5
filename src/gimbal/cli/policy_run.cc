// gimbal policy run: split, fit, frontier, choose, evaluate once, report; a run directory with every artifact.
#include <algorithm>
#include <filesystem>

#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_run_steps.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/run/run_index.h"

namespace gimbal::cli {
namespace {

void declare(Command& command, RunFlags& flags) {
  command.positional("DATA", &flags.data)
      .file()
      .optional()
      .help("logged data: one row a unit, CSV or CSV.gz; not needed with --resume");
  add_data_options(command, flags.columns);
  add_fit_options(command, flags.fit);
  add_frontier_options(command, flags.frontier, false);
  command.option("--split", &flags.split)
      .above(0)
      .below(1)
      .value("SHARE")
      .help("share of the data that the models are fitted on");
  command.option("--test", &flags.test).file().value("FILE").help("test data in a file of their own, instead of a split");
  command.option("--select", &flags.select).value("RULE").help("the rule that picks the point (see `gimbal policy choose`)");
  command.option("--fallback", &flags.fallback).value("RULE|none").help("the rule that stands in when the first cannot be met");
  command.option("--by", &flags.evaluation.by).value("COL").help("the tested improvement in each level of a column");
  add_bootstrap(command, &flags.evaluation.bootstrap, 2000);
  command.option("-o, --out, --output, --run-dir, --run", &flags.run_dir)
      .folder()
      .value("DIR")
      .show_default("runs/policy-<time>")
      .help("the run directory");
  add_resume(command, &flags.resume);
  add_force(command, &flags.force);
}

// The folder that --resume means: its value, or what -o names.
Result<std::string> resumed_folder(const RunFlags& flags) {
  if (!flags.resume->empty()) {
    std::error_code error;
    const auto whole = [&](const std::string& path) { return std::filesystem::weakly_canonical(path + "/", error); };
    if (flags.run_dir && whole(*flags.run_dir) != whole(*flags.resume)) {
      return fail_at("--resume", ErrorCode::kUsage, "{} and {} are two folders: name the one of the run",
                     gimbal::quoted(*flags.resume), gimbal::quoted(*flags.run_dir));
    }
    return *flags.resume;
  }
  if (flags.run_dir) return *flags.run_dir;
  return fail_at("--resume", ErrorCode::kUsage, "name the run directory: --resume DIR");
}

// A resumed run goes on with the options that it recorded; RunDirectory::open_for_resume refuses others that are given now.
Result<void> restore(CommandContext& context, RunFlags& flags) {
  GIMBAL_TRY(const std::string folder, resumed_folder(flags));
  GIMBAL_TRY(const run::RunSummary summary, run::read_run(folder, context.clock()));
  const bool force = flags.force;
  RunFlags recorded;
  Command command("run", "");
  declare(command, recorded);
  for (const run::RunOption& option : summary.record.options) {
    const OptionSpec* spec = command.find(option.name);
    if (!spec || option.source == "default") continue;
    GIMBAL_TRY(const JsonView value, JsonView::parse(option.value, option.name));
    std::vector<std::string> words;
    const auto word = [](const JsonView& item) { return item.is_string() ? item.string().value_or("") : item.text(); };
    if (value.is_array()) {
      GIMBAL_TRY(const std::vector<JsonView> items, value.items());
      for (const JsonView& item : items) {
        // A list is split at commas again, so an item that holds one stands in quotes.
        std::string text = word(item);
        const bool quote = spec->split && std::ranges::find(text, ',') != text.end();
        words.push_back(quote ? fmt::format("\"{}\"", text) : std::move(text));
      }
    } else {
      words.push_back(word(value));
    }
    GIMBAL_TRY(spec->assign(*spec, words));
  }
  for (const run::RunInput& input : summary.record.inputs) {
    if (input.role == "data" && flags.data.empty()) flags.data = input.path;
  }
  recorded.data = flags.data;
  recorded.resume = folder;
  recorded.force = force;
  context.seed = summary.record.seed;
  flags = std::move(recorded);
  return {};
}

}  // namespace

Command policy_run_command() {
  auto flags = std::make_shared<RunFlags>();
  Command command("run", "Do everything: split, fit, frontier, choose, evaluate once, report.");
  command.description(
      "Splits the data (by cluster if there are clusters), fits on one part, computes the frontier for the other part's "
      "covariates, picks a point, "
      "and evaluates it once on the other part's outcomes. The run directory holds every artifact and opens with report.html.");
  declare(command, *flags);
  command.example(
      "gimbal policy run campaign.csv --outcome visit --action segment --propensity uniform \\\n"
      "  --baseline \"arm:No E-Mail\" -o runs/campaign",
      "Open runs/campaign/report.html.");
  command.run([flags](CommandContext& context) -> Result<int> {
    if (flags->resume) GIMBAL_TRY(restore(context, *flags));
    return run_policy(context, *flags);
  });
  return command;
}

}  // namespace gimbal::cli
