// gimbal diversity score: the semantic measures of class sizes.
#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/semantic.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::cli {
namespace {

constexpr int kMostGenerations = 1'000'000;  // distinct_at costs classes x k

struct Flags {
  std::vector<int> sizes;
  int k = 0;
  std::vector<int> at = {1, 2, 4, 8, 16, 32};
  std::optional<int> budget;
  std::optional<std::string> out;
};

// The subsets' sizes: those asked for, or the usual ones that fit; the budget always.
Result<std::vector<int>> subset_sizes(const CommandContext& context, const Flags& flags, int budget) {
  std::vector<int> at;
  for (const int k : flags.at) {
    if (k <= flags.k) {
      at.push_back(k);
    } else if (context.given("at")) {
      return fail_at("--at", ErrorCode::kInvalidArgument, "expected sizes from 1 to the {} generations of --k, found {}",
                     flags.k, k);
    }
  }
  at.push_back(budget);
  std::ranges::sort(at);
  const auto twice = std::ranges::unique(at);
  at.erase(twice.begin(), twice.end());
  return at;
}

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

Result<int> score(CommandContext& context, const Flags& flags) {
  std::vector<int> sizes = flags.sizes;
  std::erase(sizes, 0);  // `--sizes 0`: nothing is valid
  std::ranges::sort(sizes, std::greater<>());
  const auto partition = diversity::partition_of_sizes(sizes, flags.k);
  if (!partition) return fail(Error(partition.error()).at("--sizes"));
  const int budget = flags.budget.value_or(flags.k);
  if (budget > flags.k)
    return fail_at("--budget", ErrorCode::kInvalidArgument, "expected at most the {} generations of --k, found {}", flags.k,
                   budget);
  GIMBAL_TRY(const std::vector<int> at, subset_sizes(context, flags, budget));
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
  std::string words =
      fmt::format("\n{} of the generations are valid; {} draw{} different valid behaviour{} on average",
                  policy::percent_words(*find_measure(measures, "validity")), budget,
                  budget == 1 ? " gives " + text(at_budget) : "s give " + text(at_budget), text(at_budget) == "1" ? "" : "s");
  if (const auto share = find_measure(measures, "largest_share"))
    words += fmt::format("; the commonest behaviour holds {}", policy::percent_words(*share));
  context.print(table.text() + words + ".\n");
  return 0;
}

}  // namespace

Command diversity_score_command() {
  auto flags = std::make_shared<Flags>();
  Command command("score", "Print the semantic measures of class sizes.");
  command.description(
      "For the K generations of one prompt, of which the valid ones fall into classes of equal behaviour of these sizes: "
      "validity, "
      "effective semantic diversity (div_fixed, classes a generation), expected distinct behaviours in fewer draws, pair "
      "measures, "
      "effective numbers of classes, coverage and the estimated number of reachable classes.");
  command.option("--sizes", &flags->sizes)
      .value("N,N,...")
      .required()
      .min(0)
      .max(kMostGenerations)
      .help("class sizes of the valid generations");
  command.option("--k", &flags->k)
      .value("K")
      .required()
      .show_default("")
      .min(1)
      .max(kMostGenerations)
      .help("all generations, invalid ones too");
  command.option("--at", &flags->at).value("K,K,...").min(1).help("subset sizes of distinct_at and pass_at");
  command.option("--budget", &flags->budget)
      .value("K")
      .min(1)
      .show_default("--k")
      .help("draws of the headline distinct@budget");
  add_out(command, &flags->out);
  command.example("gimbal diversity score --sizes 5,3,1,1 --k 16 --at 4,8");
  command.run([flags](CommandContext& context) { return score(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
