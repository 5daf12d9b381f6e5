// gimbal policy frontier: the whole trade-off between improvement and power, as a document, CSV and chart.
#include <filesystem>

#include "gimbal/base/number.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_flags.h"
#include "gimbal/cli/policy_progress.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/data/csv.h"
#include "gimbal/policy/baseline.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/logged_data.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::optional<std::string> model;
  FrontierOptions frontier;
  std::vector<std::string> marks;
  std::optional<std::string> csv, svg, unit_probabilities, out;
};

Result<std::vector<policy::FrontierPoint>> marked_points(const policy::LoadedFrontier& loaded,
                                                         const std::vector<std::string>& files) {
  std::vector<policy::FrontierPoint> out;
  for (const std::string& file : files) {
    GIMBAL_TRY(const data::DataTable table, data::read_table(file));
    if (table.rows() != loaded.frontier->units()) {
      return fail_at(file, ErrorCode::kInvalidArgument, "expected one row for each of the {} units, found {}",
                     loaded.frontier->units(), table.rows());
    }
    GIMBAL_TRY(const Matrix pi, policy::read_arm_columns(table, "p_", loaded.frontier->arms(), "--mark", "probability", true));
    out.push_back(loaded.frontier->mark(pi, "mark:" + file));
  }
  return out;
}

Result<std::string> unit_probabilities(const policy::LoadedFrontier& loaded, const std::vector<policy::FrontierPoint>& points) {
  const std::vector<std::string>& arms = loaded.frontier->arms();
  const std::vector<std::string>* ids = loaded.frontier->model().table().ids.get();
  std::vector<std::string> header = {ids ? "id" : "row", "at"};
  for (const std::string& arm : arms) header.push_back("p_" + arm);
  data::CsvWriter csv(header);
  for (std::size_t p = 0; p < points.size(); ++p) {
    GIMBAL_TRY(const Matrix pi, loaded.frontier->probabilities(points[p]));
    for (std::size_t i = 0; i < pi.rows(); ++i) {
      if (ids)
        csv.cell(std::string_view((*ids)[i]));
      else
        csv.cell(static_cast<std::int64_t>(i));
      csv.cell(static_cast<std::int64_t>(p));
      for (const double value : pi.row(i)) csv.cell(value);
      csv.end_row();
    }
  }
  return csv.text();
}

// Ten of the printed points show the shape of a grid; the document has all of them.
std::vector<const policy::FrontierPoint*> shown_points(const policy::FrontierDocument& document) {
  std::vector<const policy::FrontierPoint*> grid, out;
  for (const policy::FrontierPoint& point : document.points) {
    if (point.at == "grid") grid.push_back(&point);
  }
  constexpr std::size_t kShown = 10;
  const std::size_t steps = grid.empty() ? 0 : std::min(kShown, grid.size() - 1);
  for (std::size_t k = 0; k < steps; ++k) {
    const policy::FrontierPoint* point = grid[k * (grid.size() - 1) / steps];
    if (point->lambda != document.max_z.lambda) out.push_back(point);
  }
  for (const policy::FrontierPoint& point : document.points) {
    if (point.at != "grid" && point.lambda) out.push_back(&point);
  }
  const auto shown = [&](std::string_view rule) {
    return std::ranges::any_of(out, [&](const policy::FrontierPoint* point) { return point->at == rule; });
  };
  if (!document.loaded->frontier->moves_nobody() && !shown("max-z")) {
    const auto above = [&](const policy::FrontierPoint* point) { return *point->lambda > *document.max_z.lambda; };
    out.insert(grid.empty() ? out.begin() : std::ranges::find_if(out, above), &document.max_z);
  }
  if (!shown("max-tau")) out.push_back(&document.max_tau);
  for (const policy::FrontierPoint& point : document.points) {
    if (!point.lambda) out.push_back(&point);  // marked policies
  }
  return out;
}

void print_summary(CommandContext& context, const policy::FrontierDocument& document, const std::optional<std::string>& out) {
  const policy::Frontier& frontier = *document.loaded->frontier;
  const bool honest = frontier.has_honest();
  const Result<policy::BaselineSpec> baseline = policy::parse_baseline(document.loaded->request.baseline);
  std::string text = fmt::format(
      "{} units, score {}, compared with {}, a test of {} units\n\n", format_count(static_cast<std::int64_t>(frontier.units())),
      policy::score_name(frontier.options().score), baseline ? baseline->words() : document.loaded->request.baseline,
      format_count(std::llround(frontier.options().test.n)));
  std::vector<std::string> headings = {"point", "lambda", "improvement", "se", "power"};
  if (honest) {
    headings.insert(headings.end(),
                    {"honest", policy::level_words(frontier.options().test.alpha) + " CI low", "high", "power"});
  }
  TextTable table(headings);
  const policy::FrontierPoint& last = document.max_tau;
  const double width = last.honest ? last.honest->tau_high - last.honest->tau_low : std::abs(last.moments.tau) / 4;
  const int decimals = policy::decimals_for(width);
  for (const policy::FrontierPoint* point : shown_points(document)) {
    std::vector<std::string> cells = {point->at == "grid" ? "" : point->at,
                                      !point->lambda                  ? "-"
                                      : std::isfinite(*point->lambda) ? format_significant(*point->lambda, 4)
                                                                      : "inf",
                                      signed_fixed(point->moments.tau, decimals), se_text(point->se, decimals),
                                      power_text(point->power)};
    if (honest && point->honest) {
      cells.insert(cells.end(), {signed_fixed(point->honest->tau, decimals), fixed_text(point->honest->tau_low, decimals),
                                 fixed_text(point->honest->tau_high, decimals), power_text(point->honest->power)});
    }
    cells.resize(headings.size(), "-");
    table.row(std::move(cells));
  }
  text += table.text();
  if (honest) {
    text += "\nhonest: on rows that the models have not seen; the first improvement is what the models promise\n";
  }
  if (const auto gap = frontier.gap(document.max_tau)) {
    text += fmt::format("promise at max-tau: models {} per unit, held-out rows {} +- {}: {}\n",
                        signed_fixed(gap->at_max_tau.plugin, decimals), signed_fixed(gap->at_max_tau.honest, decimals),
                        se_text(gap->at_max_tau.se_honest, decimals), policy::promise_verdict_name(gap->verdict));
  }
  if (frontier.moves_nobody()) {
    context.print(text);
    return;
  }
  text += out ? fmt::format("\nNext: gimbal policy choose {} --select power:0.8 -o policy.json\n", *out)
              : "\nNext: write the document with -o frontier.json, then gimbal policy choose frontier.json -o policy.json\n";
  context.print(text);
}

// Without randomization the frontier with it is drawn behind: the gap is what randomization buys.
Result<std::string> chart(policy::FrontierRequest request, const policy::FrontierDocument& document) {
  policy::FrontierHighlights highlights;
  std::optional<policy::LoadedFrontier> randomized;
  std::optional<policy::FrontierDocument> behind;
  if (request.deterministic) {
    request.deterministic = false;
    GIMBAL_TRY(randomized, policy::load_frontier(request));
    GIMBAL_TRY(behind, policy::solve_document(*randomized));
    highlights.behind = &*behind;
    highlights.behind_label = "with randomization";
  }
  return policy::frontier_chart(document, highlights).svg;
}

Result<int> frontier(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const policy::FrontierRequest request, frontier_request(flags.frontier, flags.model.value_or(""), context.seed));
  if (flags.unit_probabilities && flags.frontier.at.empty()) {
    return fail_at("--unit-probabilities", ErrorCode::kUsage,
                   "probabilities are written for the points of --at RULE, and none is given");
  }
  GIMBAL_TRY(const policy::LoadedFrontier loaded, policy::load_frontier(request));
  std::vector<NamedFile> written;
  for (const auto& [flag, path] :
       {std::pair("--out", &flags.out), std::pair("--csv", &flags.csv), std::pair("--svg", &flags.svg),
        std::pair("--unit-probabilities", &flags.unit_probabilities)}) {
    if (*path) written.push_back({flag, **path});
  }
  GIMBAL_TRY(check_written(written, files_of(loaded, "")));
  context.lap("read");
  Result<policy::FrontierDocument> solved =
      policy::solve_document(loaded, solve_hooks(context, policy::document_steps(loaded)));
  if (!solved) return fail(blame(std::move(solved).error(), "--at"));
  policy::FrontierDocument& document = *solved;
  GIMBAL_TRY(std::vector<policy::FrontierPoint> marks, marked_points(loaded, flags.marks));
  std::vector<OutputFile> files;
  if (flags.unit_probabilities) {
    files.push_back({*flags.unit_probabilities, ""});
    GIMBAL_TRY(files.back().content, unit_probabilities(loaded, document.points));
  }
  for (policy::FrontierPoint& mark : marks) document.points.push_back(std::move(mark));
  context.lap("compute");
  forward_warnings(context, loaded.frontier->warnings());
  note_score(context, loaded);
  if (const auto gap = loaded.frontier->gap(document.max_tau)) {
    if (const auto warning = policy::promise_warning(*gap)) forward_warnings(context, {*warning});
  }
  if (flags.csv) files.push_back({*flags.csv, policy::frontier_csv(document)});
  if (flags.svg) {
    files.push_back({*flags.svg, ""});
    GIMBAL_TRY(files.back().content, chart(request, document));
  }
  DocumentWriter writer(policy::kFrontierSchema);
  policy::write_frontier_fields(writer.json(), document);
  GIMBAL_TRY(finish_document(context, writer, flags.out, std::move(files)));
  print_summary(context, document, flags.out);
  return 0;
}

}  // namespace

Command policy_frontier_command() {
  auto flags = std::make_shared<Flags>();
  Command command("frontier", "Compute the frontier between improvement and the power to show it.");
  command.description(
      "Every policy that no other beats in both goals, exactly. The plug-in curve is what the models promise; the honest curve "
      "is what the same "
      "policies deliver on rows that the models have not seen.");
  command.positional("MODEL", &flags->model)
      .file()
      .beside({".oof.csv.gz", ".ids"})
      .optional()
      .help("a model of `gimbal policy fit`");
  add_frontier_options(command, flags->frontier, true);
  command.option("--mark", &flags->marks)
      .whole_words()
      .file()
      .value("FILE")
      .help("probabilities p_ARM of another policy on the same units: put on the chart");
  command.option("--csv", &flags->csv).written().value("FILE").help("the points as CSV");
  command.option("--svg", &flags->svg).written().value("FILE").help("the chart");
  command.option("--unit-probabilities", &flags->unit_probabilities)
      .written()
      .value("FILE")
      .help("probabilities of each unit at each --at point, as CSV");
  add_out(command, &flags->out);
  command.example(
      "gimbal policy frontier model.json --population customers.csv --n-test 5000 -o frontier.json --svg frontier.svg");
  command.run([flags](CommandContext& context) { return frontier(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
