// gimbal diversity compare: paired tests between two groups of scores, or two columns of a table.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/cli/table_formats.h"
#include "gimbal/data/csv.h"
#include "gimbal/diversity/compare.h"
#include "gimbal/diversity/score_pairs.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kFewestUnits = 6;  // 2^(1 - n) <= .05 needs n >= 6

enum class Format { kTable, kMarkdown, kCsv, kLatex };

struct Flags {
  std::vector<std::string> scores, pairs, measures;
  diversity::PairUnit unit = diversity::PairUnit::kAuto;
  bool decompose = false;
  std::optional<std::string> csv, key;
  std::vector<std::string> a, b;
  Format format = Format::kTable;
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

// What is tested, from either kind of input.
struct Question {
  std::string unit;  // "prompt", "cell", or the key column
  std::vector<diversity::PairedSamples> samples;
  std::vector<diversity::PairedGroups> groups;  // of --pairs
};

Result<void> ask_table(const Flags& flags, Question& question) {
  if (flags.a.size() != flags.b.size())
    return fail_at("--b", ErrorCode::kUsage, "expected as many columns as --a ({}), found {}", flags.a.size(), flags.b.size());
  if (!flags.key) return fail_at("--key", ErrorCode::kUsage, "missing: the column that names the unit");
  if (flags.a.empty()) return fail_at("--a", ErrorCode::kUsage, "missing: a column of the first group");
  data::CsvOptions csv;
  csv.text_columns = {*flags.key};
  GIMBAL_TRY(const data::DataTable table, data::read_table(*flags.csv, csv));
  GIMBAL_TRY(check_keys(table, *flags.key));
  question.unit = *flags.key;
  for (std::size_t i = 0; i < flags.a.size(); ++i) {
    diversity::PairedSamples sample{.measure = flags.a[i] + "|" + flags.b[i], .a = flags.a[i], .b = flags.b[i]};
    GIMBAL_TRY(sample.values_a, numbers(table, flags.a[i], "--a"));
    GIMBAL_TRY(sample.values_b, numbers(table, flags.b[i], "--b"));
    question.samples.push_back(std::move(sample));
  }
  return {};
}

// The study's measures, and those of valid programs alone.
std::vector<std::string> usual_measures() {
  std::vector<std::string> out = {"validity", "div_fixed", "distinct_valid", "pair_valid"};
  for (const char* form : {"ead_4_pair", "ast_ead_4_pair", "cos_pair"}) {
    out.emplace_back(form);
    out.push_back(std::string(form) + "_valid");
  }
  return out;
}

Result<void> ask_scores(const Flags& flags, Question& question) {
  if (flags.pairs.empty())
    return fail_at("--pairs", ErrorCode::kUsage, "missing: the groups to compare, such as model=a:model=b");
  std::vector<diversity::PromptMeasures> prompts;
  std::vector<std::string> names;
  for (const std::string& path : flags.scores) {
    GIMBAL_TRY(std::vector<diversity::PromptMeasures> file, diversity::read_scores(path));
    for (diversity::PromptMeasures& prompt : file) {
      for (const diversity::Measure& m : prompt.measures) {
        if (std::ranges::find(names, m.name) == names.end()) names.push_back(m.name);
      }
      prompts.push_back(std::move(prompt));
    }
  }
  for (const std::string& name : flags.measures) {
    if (std::ranges::find(names, name) == names.end()) {
      return fail_at("--measures", ErrorCode::kUsage, "the scores have no measure {}{}", gimbal::quoted(name),
                     did_you_mean(name, names));
    }
  }
  for (const std::string& text : flags.pairs) {
    auto pair = diversity::parse_pair(text, prompts);
    if (!pair) return fail(std::move(pair).error().at("--pairs"));
    GIMBAL_TRY(diversity::PairedGroups groups, diversity::pair_groups(prompts, *pair, flags.unit));
    for (const std::string& name : flags.measures.empty() ? usual_measures() : flags.measures) {
      auto samples = diversity::samples_of(groups, name);
      if (samples) {
        question.samples.push_back(std::move(*samples));
      } else if (!flags.measures.empty()) {
        return fail_at("--measures", ErrorCode::kInsufficientData, "no unit has {} in both {} and {}", name, groups.a,
                       groups.b);
      }
    }
    const std::string unit(diversity::pair_unit_name(groups.unit));
    if (!question.groups.empty() && unit != question.unit) {
      return fail_at("--unit", ErrorCode::kUsage, "the pairs would be of different units ({} and {}): choose one of them",
                     question.unit, unit);
    }
    question.unit = unit;
    question.groups.push_back(std::move(groups));
  }
  if (question.samples.empty())
    return fail_at("--measures", ErrorCode::kInsufficientData, "no usual measure is in these scores");
  return {};
}

void write_part(JsonWriter& json, const char* name, const diversity::Decomposition::Part& part) {
  json.field(name, part.value).field(std::string(name) + "_lo", part.lo).field(std::string(name) + "_hi", part.hi);
}

std::string part_text(const diversity::Decomposition::Part& part) {
  if (!part.value) return "-";
  if (!part.lo) return signed_significant(*part.value);
  return fmt::format("{} ({} to {})", signed_significant(*part.value), format_significant(*part.lo, 3),
                     format_significant(*part.hi, 3));
}

TableRows comparison_rows(const Flags& flags, const Question& question, const std::vector<diversity::ComparisonRow>& rows) {
  const bool several = question.groups.size() > 1;
  TableRows table(1, {"measure", "n", "mean a", "mean b", "a - b", policy::level_words(flags.alpha) + " CI low", "high", "p",
                      "p adj", "d_z"});
  for (const auto& row : rows) {
    table.push_back({several ? fmt::format("{} {}:{}", row.measure, row.a, row.b) : row.measure, std::to_string(row.n),
                     measure_text(row.mean_a), measure_text(row.mean_b), signed_significant(row.mean_diff),
                     measure_text(row.lo, 3), measure_text(row.hi, 3), p_words(row.p), p_words(row.p_adj),
                     measure_text(row.d_z, 3)});
  }
  return table;
}

std::string comparison_csv(const std::vector<diversity::ComparisonRow>& rows) {
  data::CsvWriter csv({"measure", "a", "b", "n", "mean_a", "mean_b", "mean_diff", "median_diff", "lo", "hi", "w", "p", "p_adj",
                       "cohens_d", "d_z", "rank_biserial", "wins", "ties", "losses"});
  const auto number = [](const std::optional<double>& value) { return value.value_or(std::nan("")); };
  for (const auto& row : rows) {
    csv.cell(row.measure).cell(row.a).cell(row.b).cell(static_cast<std::uint64_t>(row.n)).cell(row.mean_a).cell(row.mean_b);
    csv.cell(row.mean_diff).cell(row.median_diff).cell(number(row.lo)).cell(number(row.hi)).cell(row.w).cell(row.p);
    csv.cell(row.p_adj).cell(number(row.cohens_d)).cell(number(row.d_z)).cell(row.rank_biserial);
    csv.cell(static_cast<std::uint64_t>(row.wins)).cell(static_cast<std::uint64_t>(row.ties));
    csv.cell(static_cast<std::uint64_t>(row.losses)).end_row();
  }
  return csv.take();
}

std::string comparison_text(const Flags& flags, const Question& question, const std::vector<diversity::ComparisonRow>& rows,
                            const std::vector<diversity::Decomposition>& parts) {
  const TableRows cells = comparison_rows(flags, question, rows);
  if (flags.format == Format::kMarkdown) return markdown_table(cells);
  if (flags.format == Format::kLatex) return latex_table(cells);
  if (flags.format == Format::kCsv) return comparison_csv(rows);
  std::string text;
  if (question.groups.size() == 1)
    text += fmt::format("a: {}, b: {}, by {}\n\n", question.groups[0].a, question.groups[0].b, question.unit);
  TextTable table(cells.front());
  for (std::size_t r = 1; r < cells.size(); ++r) table.row(cells[r]);
  text += table.text() + "\n";
  for (const auto& row : rows) {
    text += fmt::format("{}: a above b in {} of {} units, below in {}, equal in {}; {}.\n", row.measure, row.wins, row.n,
                        row.losses, row.ties, row.significant ? "significant" : "not significant");
  }
  for (const diversity::Decomposition& part : parts) {
    text += fmt::format("\nlog of div_fixed, {} over {}: {}\n  from validity: {}\n  from variety among valid ones: {}\n",
                        part.b, part.a, part_text(part.log_ratio), part_text(part.from_validity), part_text(part.from_variety));
  }
  return text;
}

Result<int> compare(CommandContext& context, const Flags& flags) {
  if (flags.scores.empty() == !flags.csv)
    return fail(ErrorCode::kUsage, "expected SCORES and --pairs, or --csv and --key{}", flags.csv ? "; found both" : "");
  for (const char* name : {"a", "b", "key"}) {
    if (!flags.csv && context.given(name))
      return fail_at(std::string("--") + name, ErrorCode::kUsage, "it belongs to --csv; groups of scores are named by --pairs");
  }
  for (const char* name : {"pairs", "measures", "unit", "decompose"}) {
    if (flags.csv && context.given(name))
      return fail_at(std::string("--") + name, ErrorCode::kUsage,
                     "it belongs to SCORES; columns of a table are named by --a and --b");
  }
  std::vector<NamedFile> read;
  for (const std::string& path : flags.scores) read.push_back({"SCORES", path});
  if (flags.csv) read.push_back({"--csv", *flags.csv});
  if (flags.out) GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, read));
  Question question;
  GIMBAL_TRY(flags.csv ? ask_table(flags, question) : ask_scores(flags, question));
  context.lap("read");
  diversity::CompareOptions options;
  options.adjust = flags.adjust == Adjust::kHolm                ? diversity::Multiplicity::kHolm
                   : flags.adjust == Adjust::kBenjaminiHochberg ? diversity::Multiplicity::kBenjaminiHochberg
                                                                : diversity::Multiplicity::kNone;
  options.alpha = flags.alpha;
  options.draws = static_cast<std::size_t>(flags.draws);
  options.seed = context.seed;
  options.stop = context.stop();
  GIMBAL_TRY(const auto rows, diversity::compare(question.samples, options));
  std::vector<diversity::Decomposition> parts;
  for (const diversity::PairedGroups& groups : question.groups) {
    if (!flags.decompose) break;
    GIMBAL_TRY(parts.emplace_back(), diversity::decompose(groups, options));
  }
  context.lap("compute");
  for (const auto& row : rows) warn_of_row(context, row);
  DocumentWriter document("gimbal.diversity.compare/1");
  JsonWriter& json = document.json();
  json.field("unit", question.unit).field("adjust", adjust_name(flags.adjust)).field("alpha", flags.alpha);
  json.key("rows").begin_array();
  for (const auto& row : rows) write_row(json, row);
  json.end_array().key("decomposition").begin_array();
  for (const diversity::Decomposition& part : parts) {
    json.begin_object().field("a", part.a).field("b", part.b);
    write_part(json, "log_ratio", part.log_ratio);
    write_part(json, "from_validity", part.from_validity);
    write_part(json, "from_variety", part.from_variety);
    json.end_object();
  }
  json.end_array();
  GIMBAL_TRY(finish_document(context, document, flags.out));
  context.print(comparison_text(flags, question, rows, parts));
  return 0;
}

}  // namespace

Command diversity_compare_command() {
  auto flags = std::make_shared<Flags>();
  Command command("compare", "Test paired differences between two groups.");
  command.description(
      "Two groups of scores, as `gimbal diversity score -o scores.json` writes them, prompt by prompt (or by the means of the "
      "remaining group columns): for each measure the Wilcoxon signed-rank test (exact to 50 units, with ties), effect sizes, "
      "a "
      "bootstrap interval of the mean difference, and p-values adjusted over all rows printed. --decompose says how much of a "
      "difference in div_fixed comes from validity and how much from variety among the valid ones.\n\n"
      "With --csv instead: columns of any table, a unit a row; the i-th column of --a is tested against the i-th of --b. Units "
      "with an empty cell are left out of that row.");
  command.positional("SCORES", &flags->scores).file().count(0).help("scores, JSON");
  command.option("--pairs", &flags->pairs)
      .value("A:B")
      .whole_words()
      .help("groups to compare, COLUMN=VALUE:COLUMN=VALUE, or VALUE:VALUE of the first column; repeat for more");
  command
      .choice("--unit", &flags->unit,
              {{"auto", diversity::PairUnit::kAuto},
               {"prompt", diversity::PairUnit::kPrompt},
               {"cell", diversity::PairUnit::kCell}})
      .help("pair prompts, or means over prompts by the remaining columns; auto: prompts where six or more are common");
  command.option("--measures", &flags->measures)
      .value("NAME,...")
      .show_default("validity, div_fixed, distinct_valid, pair_valid, and the headline measures of form")
      .help("measures to test");
  command.flag("--decompose", &flags->decompose).help("validity or variety: the parts of the ratio of div_fixed");
  command
      .choice("--format", &flags->format,
              {{"table", Format::kTable}, {"md", Format::kMarkdown}, {"csv", Format::kCsv}, {"tex", Format::kLatex}})
      .help("of what is printed");
  command.option("--csv", &flags->csv).file().value("FILE").show_default("").help("a table instead of scores, CSV or TSV");
  command.option("--key", &flags->key).value("COL").show_default("").help("the column that names the unit");
  command.option("--a", &flags->a).whole_words().value("COL").help("a column of the first group; repeat for more");
  command.option("--b", &flags->b).whole_words().value("COL").help("the column that it is compared with");
  add_adjust(command, &flags->adjust);
  add_alpha(command, &flags->alpha);
  add_bootstrap(command, &flags->draws, 2000);
  add_out(command, &flags->out);
  command.example("gimbal diversity compare scores.json --pairs model=base:model=instruct --decompose");
  command.example(
      "gimbal diversity compare --csv cells.csv --key unit --a div_base --b div_inst --a validity_base --b validity_inst");
  command.run([flags](CommandContext& context) { return compare(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
