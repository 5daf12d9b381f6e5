// gimbal diversity score RECORDS: every measure of every prompt, and group means with intervals.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/diversity_score.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_pool.h"
#include "gimbal/cli/table_formats.h"
#include "gimbal/data/csv.h"
#include "gimbal/diversity/python_helper.h"
#include "gimbal/diversity/record_scores.h"
#include "gimbal/diversity/text_scores.h"

namespace gimbal::cli {
namespace {

using diversity::MeanMeasure;
using diversity::Measures;
using diversity::RecordScore;

// A prompt with all its measures, and a group with its prompts.
struct ScoredPrompt {
  const RecordScore* score = nullptr;
  Measures measures;
};
struct ScoredGroup {
  diversity::Group group;
  std::vector<const ScoredPrompt*> prompts;
  std::int64_t generations = 0;
  std::vector<MeanMeasure> means;
};

struct Scores {
  diversity::RecordsHeader header;
  bool order_dependent = false;
  int budget = 0;
  std::string python;  // version that parsed; "" without ast
  std::vector<ScoredPrompt> prompts;
  std::vector<ScoredGroup> groups;
};

Result<diversity::RecordScoreOptions> score_options(const CommandContext& context, const ScoreFlags& flags, bool& semantic,
                                                    bool& ast) {
  diversity::RecordScoreOptions options;
  options.lexical = semantic = ast = false;
  const std::map<std::string, bool*, std::less<>> known = {
      {"semantic", &semantic}, {"lexical", &options.lexical}, {"ast", &ast}};
  for (const std::string& name : flags.measures) {
    const auto at = known.find(name);
    if (at == known.end()) {
      std::vector<std::string> names;
      for (const auto& [word, wanted] : known) names.push_back(word);
      return fail_at("--measures", ErrorCode::kUsage, "expected some of {}; found {}{}", join(names, ", "),
                     gimbal::quoted(name), did_you_mean(name, names));
    }
    *at->second = true;
  }
  options.over_all = flags.over != ScoreFlags::Over::kValid;
  options.over_valid = flags.over != ScoreFlags::Over::kAll;
  options.tokens = flags.tokens;
  GIMBAL_TRY(options.words.orders, parse_orders(flags.ngrams, "--ngrams", 1, diversity::kMaxGram));
  GIMBAL_TRY(options.trees.depths, parse_orders(flags.heights, "--heights", 1, 12));
  options.words.vocabulary = options.trees.vocabulary = flags.vocabulary;
  options.validity = flags.validity;
  if (flags.equiv) {
    GIMBAL_TRY(options.equivalence, reward::OutputEquivalence::parse(*flags.equiv));
  }
  options.stop = context.stop();
  return options;
}

// The columns of --by that a prompt has.
Result<diversity::Group> group_of(const RecordScore& score, const std::vector<std::string>& by) {
  if (by.empty()) return score.group;
  diversity::Group out;
  for (const auto& column : score.group) {
    if (std::ranges::find(by, column.first) != by.end()) out.push_back(column);
  }
  return out;
}

Result<void> check_columns(const std::vector<RecordScore>& prompts, const std::vector<std::string>& by) {
  std::vector<std::string> names;
  for (const RecordScore& prompt : prompts) {
    for (const auto& [name, value] : prompt.group) {
      if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
  }
  for (const std::string& name : by) {
    if (std::ranges::find(names, name) == names.end()) {
      return fail_at("--by", ErrorCode::kUsage, "no record has the column {}; the columns are: {}", gimbal::quoted(name),
                     names.empty() ? "none" : join(names, ", "));
    }
  }
  return {};
}

Result<int> budget_of(CommandContext& context, const ScoreFlags& flags, const std::vector<RecordScore>& prompts) {
  const auto [least, most] = std::ranges::minmax(prompts, {}, &RecordScore::k);
  if (!flags.budget) return std::max(least.k, 1);
  if (*flags.budget > most.k) {
    return fail_at("--budget", ErrorCode::kInvalidArgument, "expected at most the {} generations of a prompt, found {}", most.k,
                   *flags.budget);
  }
  const auto few = std::ranges::count_if(prompts, [&](const RecordScore& prompt) { return prompt.k < *flags.budget; });
  if (few > 0) {
    context.warn("below_budget",
                 fmt::format("{} of {} prompts have fewer than {} generations and are left out of distinct@{}", few,
                             prompts.size(), *flags.budget, *flags.budget),
                 few);
  }
  return *flags.budget;
}

Result<void> add_groups(CommandContext& context, const ScoreFlags& flags, Scores& scores) {
  for (const ScoredPrompt& prompt : scores.prompts) {
    GIMBAL_TRY(const diversity::Group group, group_of(*prompt.score, flags.by));
    auto at = std::ranges::find(scores.groups, group, &ScoredGroup::group);
    if (at == scores.groups.end()) at = scores.groups.insert(scores.groups.end(), {.group = group, .prompts = {}, .means = {}});
    at->prompts.push_back(&prompt);
    at->generations += prompt.score->k;
  }
  for (ScoredGroup& group : scores.groups) {
    std::vector<Measures> measures;
    for (const ScoredPrompt* prompt : group.prompts) {
      measures.push_back(prompt->measures);
      if (!flags.zero) continue;
      for (diversity::Measure& measure : measures.back()) measure.value = measure.value.value_or(0);
    }
    GIMBAL_TRY(group.means, diversity::mean_measures(measures, {.draws = static_cast<std::size_t>(flags.draws),
                                                                .seed = context.seed,
                                                                .group = diversity::group_json(group.group),
                                                                .stop = context.stop()}));
  }
  return {};
}

void write_document(JsonWriter& json, const ScoreFlags& flags, const Scores& scores) {
  json.field("budget", scores.budget).field("ead_vocab", flags.vocabulary).field("tokens", token_mode_name(flags.tokens));
  if (scores.python.empty()) {
    json.null_field("ast");
  } else {
    json.key("ast").begin_object().field("source", "cpython").field("version", scores.python).end_object();
  }
  json.field("validity", flags.validity ? flags.validity->text() : scores.header.validity);
  json.field("equiv", flags.equiv.value_or(scores.header.equiv)).field("order_dependent", scores.order_dependent);
  json.field("undefined", flags.zero ? "zero" : "null").key("groups").begin_array();
  for (const ScoredGroup& group : scores.groups) {
    json.begin_object().key("group").raw(diversity::group_json(group.group));
    json.field("prompts", static_cast<std::uint64_t>(group.prompts.size())).field("generations", group.generations);
    json.key("measures").begin_object();
    for (const MeanMeasure& m : group.means) {
      json.key(m.name).begin_object().field("mean", m.mean).field("lo", m.lo).field("hi", m.hi);
      json.field("n", static_cast<std::uint64_t>(m.n)).end_object();
    }
    json.end_object().end_object();
  }
  json.end_array().key("prompts").begin_array();
  for (const ScoredPrompt& prompt : scores.prompts) {
    json.begin_object().key("group").raw(diversity::group_json(prompt.score->group));
    json.field("prompt_id", prompt.score->prompt_id).field("k", prompt.score->k);
    json.field("valid", std::accumulate(prompt.score->sizes.begin(), prompt.score->sizes.end(), 0));
    json.field("class_sizes", prompt.score->sizes);
    write_measures(json, prompt.measures);
    json.end_object();
  }
  json.end_array();
}

std::string group_name(const diversity::Group& group) {
  std::vector<std::string> columns;
  for (const auto& [name, value] : group) {
    columns.push_back(name + "=" + diversity::plain_value(value));
  }
  return columns.empty() ? "(all)" : join(columns, " ");
}

// The columns of the table: names of measures with their headings, those that were computed.
std::vector<std::pair<std::string, std::string>> table_measures(const Scores& scores) {
  const std::string at = "distinct_at_" + std::to_string(scores.budget);
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& [name, heading] :
       std::vector<std::pair<std::string, std::string>>{{"validity", "validity"},
                                                        {"div_fixed", "div_fixed"},
                                                        {at, "distinct@" + std::to_string(scores.budget)},
                                                        {"pair_valid", "pair_valid"},
                                                        {"ead_4_pair", "ead_4_pair"},
                                                        {"ead_4_pair_valid", "ead_4_pair_valid"},
                                                        {"ast_ead_4_pair", "ast_ead_4_pair"}}) {
    const bool known = std::ranges::any_of(scores.groups, [&](const ScoredGroup& group) {
      return std::ranges::find(group.means, name, &MeanMeasure::name) != group.means.end();
    });
    // Of valid programs alone where all programs were not asked for.
    const bool instead = name != "ead_4_pair_valid" || out.empty() || out.back().first != "ead_4_pair";
    if (known && instead) out.emplace_back(name, heading);
  }
  return out;
}

// distinct@k is a count; everything else in the table is a share.
std::string cell(const ScoreFlags& flags, const std::string& name, const std::optional<double>& value, int digits) {
  if (!value) return "-";
  return format_significant(flags.percent && !name.starts_with("distinct_at_") ? 100 * *value : *value, digits);
}

// A row a group with its means, and below it the intervals.
TableRows table_rows(const ScoreFlags& flags, const Scores& scores, bool intervals) {
  const auto measures = table_measures(scores);
  TableRows rows(1, {"group", "prompts", "K"});
  for (const auto& [name, heading] : measures) rows.front().push_back(heading);
  for (const ScoredGroup& group : scores.groups) {
    const auto [least, most] =
        std::ranges::minmax(group.prompts, {}, [](const ScoredPrompt* prompt) { return prompt->score->k; });
    const int low = least->score->k, high = most->score->k;
    std::vector<std::string> row{group_name(group.group), std::to_string(group.prompts.size()),
                                 low == high ? std::to_string(low) : fmt::format("{}-{}", low, high)};
    std::vector<std::string> below{"  95 % CI", "", ""};
    bool any = false;
    for (const auto& [name, heading] : measures) {
      const auto mean = std::ranges::find(group.means, name, &MeanMeasure::name);
      const bool there = mean != group.means.end();
      // A mean over fewer prompts than the group has is marked.
      const bool fewer = there && mean->mean && mean->n < group.prompts.size();
      row.push_back((there ? cell(flags, name, mean->mean, 4) : "-") + (fewer ? "*" : ""));
      any = any || (there && mean->lo);
      below.push_back(there && mean->lo ? cell(flags, name, mean->lo, 2) + ".." + cell(flags, name, mean->hi, 2) : "");
    }
    rows.push_back(std::move(row));
    if (intervals && any) rows.push_back(std::move(below));
  }
  return rows;
}

std::string text_table(const TableRows& rows) {
  TextTable table(rows.front());
  for (std::size_t r = 1; r < rows.size(); ++r) table.row(rows[r]);
  return table.text();
}

std::string summary(const ScoreFlags& flags, const Scores& scores) {
  const TableRows rows = table_rows(flags, scores, true);
  std::string text = text_table(rows);
  const bool marked = std::ranges::any_of(
      rows, [](const auto& row) { return std::ranges::any_of(row, [](const std::string& c) { return c.ends_with('*'); }); });
  if (marked) text += "* the mean over those prompts for which the measure is defined\n";
  text += "\n";
  for (const ScoredGroup& group : scores.groups) {
    const auto mean = [&](const std::string& name) -> std::optional<double> {
      const auto at = std::ranges::find(group.means, name, &MeanMeasure::name);
      return at == group.means.end() ? std::nullopt : at->mean;
    };
    const auto validity = mean("validity");
    if (!validity) continue;
    if (scores.groups.size() > 1) text += group_name(group.group) + ": ";
    text +=
        words_of_scores(*validity, scores.budget, mean("distinct_at_" + std::to_string(scores.budget)), mean("largest_share"));
    text += "\n";
  }
  if (flags.per_prompt) {
    const auto measures = table_measures(scores);
    TextTable table([&] {
      std::vector<std::string> headings{"prompt", "group", "K"};
      for (const auto& [name, heading] : measures) headings.push_back(heading);
      return headings;
    }());
    for (const ScoredPrompt& prompt : scores.prompts) {
      std::vector<std::string> row{prompt.score->prompt_id, group_name(prompt.score->group), std::to_string(prompt.score->k)};
      for (const auto& [name, heading] : measures) row.push_back(cell(flags, name, find_measure(prompt.measures, name), 4));
      table.row(std::move(row));
    }
    text += "\n" + table.text();
  }
  return text;
}

// A row a prompt and measure, the group's columns first.
std::string csv(const Scores& scores) {
  std::vector<std::string> columns;
  for (const ScoredPrompt& prompt : scores.prompts) {
    for (const auto& [name, value] : prompt.score->group) {
      if (std::ranges::find(columns, name) == columns.end()) columns.push_back(name);
    }
  }
  std::vector<std::string> header = columns;
  header.insert(header.end(), {"prompt_id", "measure", "value"});
  data::CsvWriter out(header);
  for (const ScoredPrompt& prompt : scores.prompts) {
    std::vector<std::string> group;
    for (const std::string& name : columns) {
      const auto at = std::ranges::find(prompt.score->group, name, [](const auto& column) { return column.first; });
      group.push_back(at == prompt.score->group.end() ? "" : diversity::plain_value(at->second));
    }
    for (const diversity::Measure& m : prompt.measures) {
      for (const std::string& value : group) out.cell(value);
      out.cell(prompt.score->prompt_id).cell(m.name).cell(m.value.value_or(std::nan(""))).end_row();
    }
  }
  return out.text();
}

}  // namespace

Result<int> score_of_records(CommandContext& context, const ScoreFlags& flags) {
  bool semantic = false, ast = false;
  GIMBAL_TRY(diversity::RecordScoreOptions options, score_options(context, flags, semantic, ast));
  if (context.given("k")) return fail_at("--k", ErrorCode::kUsage, "it belongs to --sizes; the records say how many there are");
  std::vector<NamedFile> read;
  for (const std::string& path : flags.records) read.push_back({"RECORDS", path});
  if (flags.out) GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, read));
  std::optional<StartedPool> started;
  std::optional<diversity::PythonHelper> helper;
  if (ast) {
    sandbox::PoolOptions workers;
    workers.workers = context.threads;
    auto pool = start_pool(context, flags.policy, flags.python, "--python", std::move(workers));
    if (!pool) {
      Error error = std::move(pool).error();
      error.notes.push_back("syntax trees come from CPython; --measures semantic,lexical does without");
      return fail(std::move(error));
    }
    started.emplace(std::move(*pool));
    options.ast = &helper.emplace(started->pool, context.stop());
  }

  Scores scores;
  std::vector<RecordScore> prompts;
  std::size_t unparsed = 0;
  for (const std::string& path : flags.records) {
    GIMBAL_TRY(diversity::RecordScores file, diversity::score_records(path, options));
    if (!prompts.empty() && (file.header.equiv != scores.header.equiv || file.header.validity != scores.header.validity) &&
        !(flags.equiv && flags.validity)) {
      return fail_at(path, ErrorCode::kConflict,
                     "these records were made under other rules (--validity {} --equiv {}) than {} (--validity {} --equiv {}): "
                     "give both options to score all alike",
                     file.header.validity, file.header.equiv, flags.records.front(), scores.header.validity,
                     scores.header.equiv);
    }
    scores.header = file.header;
    scores.order_dependent = scores.order_dependent || file.order_dependent;
    for (RecordScore& prompt : file.prompts) {
      unparsed += prompt.unparsed;
      prompts.push_back(std::move(prompt));
    }
  }
  if (prompts.empty()) return fail_at(flags.records.front(), ErrorCode::kInsufficientData, "there is no record to score");
  if (unparsed > 0) {
    context.warn("unparsed",
                 fmt::format("{} program{} not parse and {} left out of the syntactic measures", unparsed,
                             unparsed == 1 ? " does" : "s do", unparsed == 1 ? "is" : "are"),
                 static_cast<std::int64_t>(unparsed));
  }
  context.lap("measure");

  GIMBAL_TRY(check_columns(prompts, flags.by));
  GIMBAL_TRY(scores.budget, budget_of(context, flags, prompts));
  if (started) scores.python = started->python.version;
  const int most = std::ranges::max_element(prompts, {}, &RecordScore::k)->k;
  GIMBAL_TRY(const std::vector<int> at, subset_sizes(context, flags, most, scores.budget));
  for (const RecordScore& prompt : prompts) {
    ScoredPrompt scored{.score = &prompt, .measures = {}};
    if (semantic) {
      GIMBAL_TRY(const diversity::Partition partition, diversity::partition_of_sizes(prompt.sizes, prompt.k));
      scored.measures = diversity::semantic_measures(partition, at);
      scored.measures.push_back({"pair_all", prompt.pair_all});
    }
    scored.measures.insert(scored.measures.end(), prompt.form.begin(), prompt.form.end());
    scores.prompts.push_back(std::move(scored));
  }
  GIMBAL_TRY(add_groups(context, flags, scores));
  context.lap("bootstrap");

  DocumentWriter document("gimbal.diversity.scores/1");
  write_document(document.json(), flags, scores);
  const bool table = flags.out && !flags.out->ends_with(".json");
  if (table) {
    const TableRows rows = table_rows(flags, scores, true);
    const std::string text = flags.out->ends_with(".md")    ? markdown_table(rows)
                             : flags.out->ends_with(".tex") ? latex_table(rows)
                                                            : csv(scores);
    GIMBAL_TRY(finish_document(context, document, {}, {{*flags.out, text}}));
  } else {
    GIMBAL_TRY(finish_document(context, document, flags.out));
  }
  context.print(summary(flags, scores) + (flags.out ? "\nScores: " + *flags.out + "\n" : ""));
  return 0;
}

}  // namespace gimbal::cli
