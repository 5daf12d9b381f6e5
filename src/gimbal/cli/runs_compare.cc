// gimbal runs compare: runs side by side, what differs in what was asked and in what came out.
#include "gimbal/base/number.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/runs.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kMostRuns = 8;  // columns that fit a terminal

struct Flags {
  std::vector<std::string> runs;
  std::string root = "runs";
};

std::string letter(std::size_t index) { return std::string(1, static_cast<char>('A' + index)); }

// A table whose first columns are `first`, followed by one column a run.
TextTable table_of(std::vector<std::string> first, std::size_t runs) {
  for (std::size_t i = 0; i < runs; ++i) first.push_back(letter(i));
  return TextTable(std::move(first));
}

template <typename T, typename F>
std::vector<std::string> cells(std::vector<std::string> first, const std::vector<std::optional<T>>& values, F&& text) {
  for (const auto& value : values) first.push_back(value ? text(*value) : std::string("-"));
  return first;
}

void print_runs(const CommandContext& context, const std::vector<run::RunSummary>& runs) {
  TextTable table({"", "run", "command", "status", "started", "time", "step", "seed", "gimbal"});
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const run::RunSummary& run = runs[i];
    table.row({letter(i), run.path, run_title(run.record), run_status_text(run), run_started_text(run), run_time_text(run),
               run.last_step ? std::to_string(*run.last_step) : "-", std::to_string(run.record.seed),
               run.record.versions.gimbal});
  }
  context.print(table.text());
}

void print_comparison(const CommandContext& context, const run::RunComparison& comparison, std::size_t runs) {
  if (comparison.options.empty()) {
    context.print("\nNo option differs.");
  } else {
    TextTable table = table_of({"option"}, runs);
    for (const auto& option : comparison.options) table.row(cells({option.name}, option.values, option_text));
    context.print("\nOptions that differ\n" + table.indent(2).text());
  }
  if (!comparison.inputs.empty()) {
    TextTable table = table_of({"input"}, runs);
    for (const auto& input : comparison.inputs) {
      table.row(cells({input.role}, input.sha256, [](const std::string& sha256) { return sha256.substr(0, 12); }));
    }
    context.print("\nInputs that differ (SHA-256)\n" + table.indent(2).text());
  }
  if (!comparison.headline.empty()) {
    TextTable table = table_of({"figure", "unit"}, runs);
    for (const auto& row : comparison.headline) table.row(cells({row.name, row.unit.value_or("")}, row.values, figure_text));
    context.print("\nHeadline\n" + table.indent(2).text());
  }
  if (!comparison.metrics.empty()) {
    TextTable table = table_of({"metric"}, runs);
    for (const auto& row : comparison.metrics) table.row(cells({row.name}, row.last, figure_text));
    context.print("\nMetrics, last values\n" + table.indent(2).text());
  }
}

template <typename T>
void write_values(JsonWriter& json, std::string_view name, const std::vector<std::optional<T>>& values) {
  json.key(name).begin_array();
  for (const auto& value : values) json.value(value);
  json.end_array();
}

void write_comparison(JsonWriter& json, const run::RunComparison& comparison) {
  json.key("options").begin_array();
  for (const auto& option : comparison.options) {
    json.begin_object().field("name", option.name).key("values").begin_array();
    for (const auto& value : option.values) json.raw(value.value_or("null"));
    json.end_array();
    write_values(json, "sources", option.sources);
    json.end_object();
  }
  json.end_array().key("inputs").begin_array();
  for (const auto& input : comparison.inputs) {
    json.begin_object().field("role", input.role);
    write_values(json, "sha256", input.sha256);
    json.end_object();
  }
  json.end_array().key("headline").begin_array();
  for (const auto& row : comparison.headline) {
    json.begin_object().field("name", row.name).field("unit", row.unit);
    write_values(json, "values", row.values);
    json.end_object();
  }
  json.end_array().key("metrics").begin_array();
  for (const auto& row : comparison.metrics) {
    json.begin_object().field("name", row.name);
    write_values(json, "last", row.last);
    write_values(json, "min", row.lowest);
    write_values(json, "max", row.highest);
    json.end_object();
  }
  json.end_array();
}

Result<int> compare(CommandContext& context, const Flags& flags) {
  std::vector<run::RunSummary> runs;
  for (const std::string& text : flags.runs) {
    GIMBAL_TRY(runs.emplace_back(), open_run(context, text, flags.root));
  }
  GIMBAL_TRY(const run::RunComparison comparison, run::compare_runs(runs));
  print_runs(context, runs);
  print_comparison(context, comparison, runs.size());
  DocumentWriter document("gimbal.runs.compare/1");
  document.json().key("runs").begin_array();
  for (const run::RunSummary& run : runs) {
    document.json().begin_object();
    write_run_members(document.json(), run);
    document.json().end_object();
  }
  document.json().end_array();
  write_comparison(document.json(), comparison);
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command runs_compare_command() {
  auto flags = std::make_shared<Flags>();
  Command command("compare", "Compare runs: options and inputs that differ, figures side by side.");
  command.description(
      "Options count as different when their values are, wherever they came from. Metrics are compared by their last finite "
      "value; --json has the smallest and the largest too. Times and speeds are left out.");
  command.positional("RUN", &flags->runs).count(2, kMostRuns).help("folders, names below --root, ids, or latest");
  add_runs_root(command, &flags->root);
  command.example("gimbal runs compare runs/folds-5 runs/folds-10", "What another number of folds changed.");
  command.run([flags](CommandContext& context) { return compare(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
