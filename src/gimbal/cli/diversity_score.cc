// gimbal diversity score: its options, and the semantic measures of class sizes.
#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/diversity_score.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/semantic.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::cli {

Result<std::vector<int>> subset_sizes(const CommandContext& context, const ScoreFlags& flags, int most, int budget) {
  std::vector<int> at;
  for (const int k : flags.at) {
    if (k <= most) {
      at.push_back(k);
    } else if (context.given("at")) {
      return fail_at("--at", ErrorCode::kInvalidArgument,
                     "expected sizes from 1 to the {} generations that there are, found {}", most, k);
    }
  }
  at.push_back(budget);
  std::ranges::sort(at);
  const auto twice = std::ranges::unique(at);
  at.erase(twice.begin(), twice.end());
  return at;
}

std::string words_of_scores(double validity, int budget, std::optional<double> at_budget, std::optional<double> largest_share) {
  std::string words = policy::percent_words(validity) + " of the generations are valid";
  if (at_budget) {
    const std::string count = measure_text(at_budget);
    words += fmt::format("; {} draw{} {} different valid behaviour{} on average", budget, budget == 1 ? " gives" : "s give",
                         count, count == "1" ? "" : "s");
  }
  if (largest_share) words += fmt::format("; the commonest behaviour holds {}", policy::percent_words(*largest_share));
  return words + ".";
}

namespace {

constexpr int kMostGenerations = 1'000'000;  // distinct_at costs classes x k

void write_document(JsonWriter& json, const diversity::Partition& partition, const diversity::Measures& measures, int budget) {
  json.field("budget", budget).null_field("ead_vocab").null_field("tokens").null_field("ast");
  json.null_field("validity").null_field("equiv").field("order_dependent", false);
  json.key("groups").begin_array().begin_object();
  json.key("group").begin_object().end_object();
  json.field("prompts", 1).field("generations", partition.k);
  json.key("measures").begin_object();
  for (const diversity::Measure& m : measures) {
    json.key(m.name).begin_object();
    json.field("mean", m.value).null_field("lo").null_field("hi").field("n", m.value ? 1 : 0);
    json.end_object();
  }
  json.end_object().end_object().end_array();
  json.key("prompts").begin_array().begin_object();
  json.key("group").begin_object().end_object();
  json.field("prompt_id", "(sizes)").field("k", partition.k);
  json.field("valid", std::accumulate(partition.sizes.begin(), partition.sizes.end(), 0));
  json.field("class_sizes", partition.sizes);
  write_measures(json, measures);
  json.end_object().end_array();
}

Result<int> score_of_sizes(CommandContext& context, const ScoreFlags& flags) {
  std::vector<int> sizes = flags.sizes;
  std::erase(sizes, 0);  // `--sizes 0`: nothing is valid
  std::ranges::sort(sizes, std::greater<>());
  const auto partition = diversity::partition_of_sizes(sizes, flags.k);
  if (!partition) return fail(Error(partition.error()).at("--sizes"));
  const int budget = flags.budget.value_or(flags.k);
  if (budget > flags.k)
    return fail_at("--budget", ErrorCode::kInvalidArgument, "expected at most the {} generations of --k, found {}", flags.k,
                   budget);
  GIMBAL_TRY(const std::vector<int> at, subset_sizes(context, flags, flags.k, budget));
  const diversity::Measures measures = diversity::semantic_measures(*partition, at);
  if (flags.out) GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, {}));
  context.lap("compute");
  DocumentWriter document("gimbal.diversity.scores/1");
  write_document(document.json(), *partition, measures, budget);
  GIMBAL_TRY(finish_document(context, document, flags.out));

  const auto text = [&](std::string_view name) { return measure_text(find_measure(measures, name)); };
  const std::string at_budget = "distinct_at_" + std::to_string(budget);
  TextTable table(
      {"prompts", "K", "validity", "div_fixed", "distinct@" + std::to_string(budget), "pair_valid", "hill_1", "coverage"});
  table.row({"1", std::to_string(flags.k), text("validity"), text("div_fixed"), text(at_budget), text("pair_valid"),
             text("hill_1"), text("coverage")});
  context.print(table.text() + "\n" +
                words_of_scores(*find_measure(measures, "validity"), budget, find_measure(measures, at_budget),
                                find_measure(measures, "largest_share")));
  return 0;
}

Result<std::optional<diversity::ValidityRule>> parse_rule(std::string_view text) {
  GIMBAL_TRY(diversity::ValidityRule rule, diversity::ValidityRule::parse(text));
  return std::optional(std::move(rule));
}

Result<std::optional<std::string>> parse_rules(std::string_view text) {
  GIMBAL_TRY(reward::OutputEquivalence::parse(text));
  return std::optional(std::string(text));
}

}  // namespace

Command diversity_score_command() {
  auto flags = std::make_shared<ScoreFlags>();
  Command command("score", "Print the measures of records, or of class sizes.");
  command.description(
      "Of RECORDS, as `gimbal diversity run` writes them: semantic measures (validity; effective semantic diversity div_fixed, "
      "classes of equal valid behaviour a generation; expected distinct behaviours in fewer draws; pair measures; effective "
      "numbers of classes; coverage and the estimated number of reachable classes), lexical measures of the programs' wording, "
      "and "
      "syntactic ones of their trees, prompt by prompt and on average over prompts with bootstrap intervals. Other rules of "
      "validity and equality need no second run.\n\n"
      "With --sizes and --k instead: the semantic measures of the K generations of one prompt, of which the valid ones fall "
      "into "
      "classes of these sizes.");
  command.positional("RECORDS", &flags->records).file().count(0).help("records, JSONL");
  command.option("--measures", &flags->measures).value("NAME,...").help("of semantic, lexical, ast");
  command.option("--by", &flags->by)
      .value("COL,...")
      .show_default("all group columns")
      .help("the columns whose values make a group");
  command.option("--budget", &flags->budget)
      .value("K")
      .min(1)
      .show_default("the fewest generations of a prompt")
      .help("draws of the headline distinct@budget");
  command.option("--at", &flags->at).value("K,K,...").min(1).help("subset sizes of distinct_at and pass_at");
  command.parsed<std::optional<diversity::ValidityRule>>("--validity", &flags->validity, parse_rule, "that of the run")
      .value("RULE")
      .help("no-error, nonempty-program, nonempty-output, all-tests-pass, or score:T");
  command.parsed<std::optional<std::string>>("--equiv", &flags->equiv, parse_rules, "that of the run")
      .value("RULES")
      .help("when outputs are equal, as in `run`; needs the stored outputs");
  command
      .choice("--over", &flags->over,
              {{"all", ScoreFlags::Over::kAll}, {"valid", ScoreFlags::Over::kValid}, {"both", ScoreFlags::Over::kBoth}})
      .help("lexical and syntactic measures of all programs, of the valid ones (NAME_valid), or both");
  add_tokens(command, &flags->tokens);
  command.option("--ngrams", &flags->ngrams).value("N-N").help("orders of the lexical measures");
  command.option("--heights", &flags->heights).value("H-H").help("depths of the syntactic measures");
  command.option("--ead-vocab", &flags->vocabulary).value("V").min(2).help("size of the vocabulary that EAD assumes");
  command.flag("--undefined-zero", &flags->zero).help("count a measure that is not defined for a prompt as 0");
  command.flag("--x100", &flags->percent).help("print percentages");
  command.flag("--per-prompt", &flags->per_prompt).help("print a row a prompt too");
  add_bootstrap(command, &flags->draws, 2000);
  command.option("--sizes", &flags->sizes)
      .value("N,N,...")
      .min(0)
      .max(kMostGenerations)
      .help("class sizes of the valid generations, instead of records");
  command.option("--k", &flags->k)
      .value("K")
      .show_default("")
      .min(1)
      .max(kMostGenerations)
      .help("with --sizes: all generations, invalid ones too");
  command.option("--python", &flags->python)
      .value("PATH")
      .show_default("python3 in PATH")
      .help("interpreter that parses programs for ast");
  add_policy_options(command, flags->policy);
  add_out(command, &flags->out).help("scores: .json, .csv (a row a prompt and measure), .md or .tex (the table)");
  command.example("gimbal diversity score records.jsonl --at 4,8 -o scores.json");
  command.example("gimbal diversity score --sizes 5,3,1,1 --k 16 --at 4,8", "Of class sizes.");
  command.run([flags](CommandContext& context) -> Result<int> {
    if (flags->records.empty() == flags->sizes.empty())
      return fail(ErrorCode::kUsage, "expected RECORDS, or --sizes and --k{}", flags->sizes.empty() ? "" : "; found both");
    if (!flags->records.empty()) return score_of_records(context, *flags);
    if (flags->k == 0) return fail_at("--k", ErrorCode::kUsage, "missing: all generations, invalid ones too");
    return score_of_sizes(context, *flags);
  });
  return command;
}

}  // namespace gimbal::cli
