// gimbal policy power: how large the test must be, from a frontier.
#include <algorithm>
#include <cmath>

#include <filesystem>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/power.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kRangeSizes = 60;

struct Flags {
  std::string frontier, n = "500:100000", curve;
  double power = 0.8;
  std::vector<std::string> at;
  std::optional<std::string> svg, out;
};

// "500:100000": 60 sizes equally spaced in the logarithm, rounded; "500,1000,2000": these.
Result<std::vector<double>> sizes(const std::string& text) {
  std::vector<double> out;
  if (text.find(':') != std::string::npos) {
    const auto span = parse_span(text);
    if (!span) return fail(Error(span.error()).at("--n"));
    if (span->first < 2)
      return fail_at("--n", ErrorCode::kUsage, "expected sizes of at least 2, found {}", gimbal::quoted(text));
    return policy::test_sizes(span->first, span->second, kRangeSizes);
  }
  for (const std::string& word : split_list(text)) {
    const std::optional<std::int64_t> size = parse_int(word);
    if (!size || *size < 2)
      return fail_at("--n", ErrorCode::kUsage, "expected sizes of at least 2 or a range such as 500:100000, found {}",
                     gimbal::quoted(word));
    out.push_back(static_cast<double>(*size));
  }
  if (out.empty())
    return fail_at("--n", ErrorCode::kUsage, "expected sizes such as 500,1000 or a range such as 500:100000, found nothing");
  return out;
}

Result<int> power(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const std::vector<double> ns, sizes(flags.n));
  std::vector<std::string> rules = flags.at;
  if (rules.empty()) rules = {"max-z", "power:" + shortest(flags.power), "max-tau"};
  for (const std::string& rule : rules) GIMBAL_TRY(parse_rule(rule, "--at"));
  GIMBAL_TRY(const std::optional<policy::CurveKind> given, parse_curve(flags.curve));
  GIMBAL_TRY(const policy::LoadedFrontier loaded, policy::load_frontier_document(flags.frontier));
  std::vector<NamedFile> written;
  if (flags.out) written.push_back({"--out", *flags.out});
  if (flags.svg) written.push_back({"--svg", *flags.svg});
  const std::string folder = std::filesystem::path(flags.frontier).parent_path().string();
  GIMBAL_TRY(check_written(written, files_of(loaded, folder)));
  context.lap("read");
  const policy::CurveKind curve = given.value_or(loaded.frontier->curve());
  const Result<std::vector<policy::PowerRow>> solved =
      policy::power_rows(*loaded.frontier, curve, rules, ns, flags.power, !flags.at.empty());
  if (!solved) return fail(blame(solved.error(), "--at"));
  const std::vector<policy::PowerRow>& rows = *solved;
  context.lap("compute");
  const policy::TestSpec& test = loaded.frontier->options().test;
  for (const std::string& rule : rules) {
    if (std::ranges::any_of(rows, [&](const policy::PowerRow& row) { return row.at == rule; })) continue;
    context.warn("unreached", fmt::format("{} is nowhere reached with {} test units and is left out", rule,
                                          format_count(std::llround(test.n))));
  }
  std::vector<OutputFile> files;
  if (flags.svg) {
    policy::PowerChartInput chart;
    for (const policy::PowerRow& row : rows) {
      policy::PowerLine line{row.at, row.tau, row.units_required, {}};
      for (const policy::PowerAt& at : row.power) line.values.push_back({at.n, at.power, at.low, at.high});
      chart.lines.push_back(std::move(line));
    }
    chart.target = flags.power;
    chart.alpha = test.alpha;
    chart.side = test.side;
    chart.planned = test.n;
    chart.wording = policy::wording_of(loaded);
    files.push_back({*flags.svg, policy::power_chart(chart).svg});
  }
  DocumentWriter document("gimbal.policy.power/1");
  policy::write_power_fields(document.json(), rows, curve, test);
  GIMBAL_TRY(finish_document(context, document, flags.out, std::move(files)));
  double largest = 0;
  for (const policy::PowerRow& row : rows) largest = std::max(largest, std::abs(row.tau));
  TextTable table({"point", "lambda", "improvement", fmt::format("units for {} power", policy::percent_words(flags.power))});
  for (const policy::PowerRow& row : rows) {
    table.row({row.at, std::isfinite(row.lambda) ? format_significant(row.lambda, 4) : "inf",
               signed_fixed(row.tau, policy::decimals_for(largest / 4)),
               std::isfinite(row.units_required) ? format_count(std::llround(policy::whole_units(row.units_required))) : "-"});
  }
  std::string text = table.text();
  TextTable by_size([&] {
    std::vector<std::string> headings = {"test units"};
    for (const policy::PowerRow& row : rows) headings.push_back(row.at);
    return headings;
  }());
  const std::size_t step = std::max<std::size_t>(1, ns.size() / 10);
  for (std::size_t k = 0; k < ns.size(); k += step) {
    std::vector<std::string> cells = {format_count(std::llround(ns[k]))};
    for (const policy::PowerRow& row : rows) cells.push_back(power_text(row.power[k].power));
    by_size.row(std::move(cells));
  }
  context.print(text + "\nPower by test size, " + (curve == policy::CurveKind::kHonest ? "honest" : "plug-in") + " curve:\n" +
                by_size.text());
  return 0;
}

}  // namespace

Command policy_power_command() {
  auto flags = std::make_shared<Flags>();
  Command command("power", "Plan the size of the test.");
  command.description(
      "For points of a frontier: the units that a test needs for a given power, and the power that test sizes give.");
  command.positional("FRONTIER", &flags->frontier).file().help("a document of `gimbal policy frontier`");
  command.option("--n", &flags->n)
      .value("LIST|FROM:TO")
      .help("test sizes; a range gives 60 of them, equally spaced in the logarithm");
  command.option("--power", &flags->power).above(0).below(1).help("the power that the required sizes are for");
  command.option("--at", &flags->at)
      .whole_words()
      .value("RULE")
      .show_default("max-z, power:B, max-tau")
      .help("the points, by rules of --select");
  command.option("--curve", &flags->curve)
      .value("honest|plugin")
      .show_default("the document's")
      .help("the curve that is planned with");
  command.option("--svg", &flags->svg).written().value("FILE").help("the chart");
  add_out(command, &flags->out);
  command.example("gimbal policy power frontier.json --n 500:20000 --svg power.svg");
  command.run([flags](CommandContext& context) { return power(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
