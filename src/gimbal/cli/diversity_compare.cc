// gimbal diversity compare: paired tests between two columns of a table.
#include <array>
#include <map>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/data/csv.h"
#include "gimbal/diversity/compare.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kFewestUnits = 6;  // 2^(1 - n) <= .05 needs n >= 6

struct Flags {
  std::string csv, key;
  std::vector<std::string> a, b;
  Adjust adjust = Adjust::kHolm;
  double alpha = 0.05;
  std::int64_t draws = 2000;
  std::optional<std::string> out;
};

Result<std::vector<std::optional<double>>> numbers(const data::DataTable& table, const std::string& name,
                                                   std::string_view flag) {
  GIMBAL_TRY(const data::Column* column, data::require_column(table, name, flag));
  std::vector<std::optional<double>> out(table.rows());
  for (std::size_t r = 0; r < table.rows(); ++r) {
    if (column->is_missing(r)) continue;
    if (!column->is_numeric() && !parse_finite(column->text(r)))
      return fail_at(table.where(r, *column), ErrorCode::kInvalidArgument, "column \"{}\" of {}: expected a number, found {}",
                     name, flag, gimbal::quoted(column->text(r)));
    out[r] = column->is_numeric() ? column->numbers[r] : *parse_finite(column->text(r));
  }
  return out;
}

// A unit is a row: its key says which, and comes once.
Result<void> check_keys(const data::DataTable& table, const std::string& key) {
  GIMBAL_TRY(const data::Column* column, data::require_column(table, key, "--key"));
  std::map<std::string, std::size_t> line;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    const auto [at, fresh] = line.try_emplace(column->text(r), table.line_of(r));
    if (!fresh)
      return fail_at(table.where(r, *column), ErrorCode::kInvalidArgument, "unit {} came in line {} already",
                     gimbal::quoted(at->first), at->second);
  }
  return {};
}

void write_row(JsonWriter& json, const diversity::ComparisonRow& row) {
  const auto count = [](std::size_t n) { return static_cast<std::uint64_t>(n); };
  json.begin_object().field("measure", row.measure).field("a", row.a).field("b", row.b);
  json.field("n", count(row.n)).field("zeros", count(row.zeros)).field("exact", row.exact);
  json.field("mean_a", row.mean_a)
      .field("mean_b", row.mean_b)
      .field("mean_diff", row.mean_diff)
      .field("median_diff", row.median_diff);
  json.field("lo", row.lo).field("hi", row.hi).field("w", row.w).field("p", row.p).field("p_adj", row.p_adj);
  json.field("cohens_d", row.cohens_d).field("d_z", row.d_z).field("rank_biserial", row.rank_biserial);
  json.field("wins", count(row.wins)).field("ties", count(row.ties)).field("losses", count(row.losses));
  json.field("significant", row.significant).end_object();
}

std::string p_words(double p) { return p < 1e-9 ? "< 1e-9" : format_significant(p, 3); }

void warn_of_row(CommandContext& context, const diversity::ComparisonRow& row) {
  if (row.n == row.zeros) {
    context.warn("no_differences", row.measure + ": all differences are zero, p is 1");
  } else if (row.n - row.zeros < kFewestUnits) {
    context.warn("few_units",
                 fmt::format("{}: with {} differing unit{} p cannot fall below .05", row.measure, row.n - row.zeros,
                             row.n - row.zeros == 1 ? "" : "s"),
                 static_cast<std::int64_t>(row.n - row.zeros));
  }
}

Result<int> compare(CommandContext& context, const Flags& flags) {
  if (flags.a.size() != flags.b.size())
    return fail_at("--b", ErrorCode::kUsage, "expected as many columns as --a ({}), found {}", flags.a.size(), flags.b.size());
  if (flags.out)
    GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, std::array{NamedFile{"--csv", flags.csv}}));
  data::CsvOptions csv;
  csv.text_columns = {flags.key};
  GIMBAL_TRY(const data::DataTable table, data::read_table(flags.csv, csv));
  GIMBAL_TRY(check_keys(table, flags.key));
  std::vector<diversity::PairedSamples> samples;
  for (std::size_t i = 0; i < flags.a.size(); ++i) {
    diversity::PairedSamples sample{.measure = flags.a[i] + "|" + flags.b[i], .a = flags.a[i], .b = flags.b[i]};
    GIMBAL_TRY(sample.values_a, numbers(table, flags.a[i], "--a"));
    GIMBAL_TRY(sample.values_b, numbers(table, flags.b[i], "--b"));
    samples.push_back(std::move(sample));
  }
  context.lap("read");
  const diversity::Multiplicity adjust = flags.adjust == Adjust::kHolm ? diversity::Multiplicity::kHolm
                                         : flags.adjust == Adjust::kBenjaminiHochberg
                                             ? diversity::Multiplicity::kBenjaminiHochberg
                                             : diversity::Multiplicity::kNone;
  GIMBAL_TRY(const auto rows, diversity::compare(samples, {.adjust = adjust,
                                                           .alpha = flags.alpha,
                                                           .draws = static_cast<std::size_t>(flags.draws),
                                                           .seed = context.seed,
                                                           .stop = context.stop()}));
  context.lap("compute");
  for (const auto& row : rows) warn_of_row(context, row);
  DocumentWriter document("gimbal.diversity.compare/1");
  JsonWriter& json = document.json();
  json.field("unit", flags.key).field("adjust", adjust_name(flags.adjust)).field("alpha", flags.alpha);
  json.key("rows").begin_array();
  for (const auto& row : rows) write_row(json, row);
  json.end_array().key("decomposition").begin_array().end_array();
  GIMBAL_TRY(finish_document(context, document, flags.out));

  TextTable table_text(
      {"measure", "n", "mean a", "mean b", "a - b", policy::level_words(flags.alpha) + " CI low", "high", "p", "p adj", "d_z"});
  for (const auto& row : rows) {
    table_text.row({row.measure, std::to_string(row.n), measure_text(row.mean_a), measure_text(row.mean_b),
                    signed_significant(row.mean_diff), measure_text(row.lo, 3), measure_text(row.hi, 3), p_words(row.p),
                    p_words(row.p_adj), measure_text(row.d_z, 3)});
  }
  std::string words;
  for (const auto& row : rows) {
    words += fmt::format("{}: a above b in {} of {} units, below in {}, equal in {}; {}.\n", row.measure, row.wins, row.n,
                         row.losses, row.ties, row.significant ? "significant" : "not significant");
  }
  context.print(table_text.text() + "\n" + words);
  return 0;
}

}  // namespace

Command diversity_compare_command() {
  auto flags = std::make_shared<Flags>();
  Command command("compare", "Test paired differences between two groups.");
  command.description(
      "Columns of a table, a unit a row: the i-th column of --a is tested against the i-th of --b by the Wilcoxon signed-rank "
      "test "
      "(exact to 50 units, with ties), with effect sizes, a bootstrap interval of the mean difference, and p-values adjusted "
      "over all "
      "rows printed. Units with an empty cell are left out of that row.");
  command.option("--csv", &flags->csv).file().value("FILE").required().help("the table, CSV or TSV");
  command.option("--key", &flags->key).value("COL").required().help("the column that names the unit");
  command.option("--a", &flags->a).whole_words().value("COL").required().help("a column of the first group; repeat for more");
  command.option("--b", &flags->b).whole_words().value("COL").required().help("the column that it is compared with");
  add_adjust(command, &flags->adjust);
  add_alpha(command, &flags->alpha);
  add_bootstrap(command, &flags->draws, 2000);
  add_out(command, &flags->out);
  command.example(
      "gimbal diversity compare --csv cells.csv --key unit --a div_base --b div_inst --a validity_base --b validity_inst");
  command.run([flags](CommandContext& context) { return compare(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
