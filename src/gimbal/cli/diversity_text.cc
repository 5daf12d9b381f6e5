// gimbal diversity text: measures of texts, without running anything.
#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/text_scores.h"

namespace gimbal::cli {
namespace {

using diversity::TokenMode;

struct Flags {
  std::string file, ngrams = "1-6";
  std::vector<std::string> measures = {"distinct", "ead", "jaccard", "self-bleu", "compression"};
  TokenMode tokens = TokenMode::kWords;
  double vocabulary = diversity::kDefaultVocabulary;
  std::vector<int> at;
  std::optional<std::string> partition, out;
  std::int64_t draws = 2000;
  bool one = false, skip_bad = false;
};

Result<diversity::TextOptions> text_options(const Flags& flags) {
  diversity::TextOptions out;
  out.tokens = flags.tokens;
  GIMBAL_TRY(out.orders, parse_orders(flags.ngrams, "--ngrams", 1, diversity::kMaxGram));
  out.vocabulary = flags.vocabulary;
  out.at = flags.at;
  const std::map<std::string, bool*, std::less<>> known = {
      {"distinct", &out.distinct},       {"ead", &out.ead},           {"jaccard", &out.jaccard}, {"self-bleu", &out.self_bleu},
      {"compression", &out.compression}, {"vendi:ngram", &out.vendi}, {"hill", &out.hill}};
  for (const auto& [name, wanted] : known) *wanted = false;
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
  return out;
}

// A prompt's texts; generations that are no text are left out, and invalid in the partition. Without one from outside equal
// texts form the classes.
diversity::TextPrompt text_prompt(const diversity::GenerationSet& set) {
  diversity::TextPrompt out;
  out.id = set.prompt_id;
  for (const auto& text : set.generations) {
    if (text) out.texts.push_back(*text);
  }
  out.partition = set.partition ? set.partition : diversity::partition_of(set.generations);
  return out;
}

struct Scored {
  std::vector<diversity::TextPrompt> prompts;
  std::vector<diversity::Measures> measures;
};

// The sets of each group, by its JSON text, in order of first appearance.
std::vector<std::pair<std::string, std::vector<std::size_t>>> by_group(const std::vector<diversity::GenerationSet>& sets) {
  std::vector<std::pair<std::string, std::vector<std::size_t>>> out;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const std::string group = diversity::group_json(sets[i].group);
    auto at = std::ranges::find(out, group, [](const auto& g) { return g.first; });
    if (at == out.end()) at = out.insert(out.end(), {group, {}});
    at->second.push_back(i);
  }
  return out;
}

void write_group(JsonWriter& json, const std::string& group, std::size_t prompts, std::size_t generations,
                 const std::vector<diversity::MeanMeasure>& means) {
  json.begin_object().key("group").raw(group);
  json.field("prompts", static_cast<std::uint64_t>(prompts)).field("generations", static_cast<std::uint64_t>(generations));
  json.key("measures").begin_object();
  for (const diversity::MeanMeasure& m : means) {
    json.key(m.name).begin_object().field("mean", m.mean).field("lo", m.lo).field("hi", m.hi);
    json.field("n", static_cast<std::uint64_t>(m.n)).end_object();
  }
  json.end_object().end_object();
}

std::string group_table(const std::string& group, std::size_t prompts, std::size_t generations,
                        const std::vector<diversity::MeanMeasure>& means) {
  std::string out = fmt::format("{}{} prompt{}, {} texts\n", group == "{}" ? "" : group + ": ", prompts,
                                prompts == 1 ? "" : "s", format_count(static_cast<std::int64_t>(generations)));
  TextTable table({"measure", "mean", "95 % CI low", "high", "prompts"});
  for (const diversity::MeanMeasure& m : means)
    table.row({m.name, measure_text(m.mean), measure_text(m.lo), measure_text(m.hi), std::to_string(m.n)});
  return out + table.text();
}

Result<int> text(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const diversity::TextOptions options, text_options(flags));
  std::vector<NamedFile> read = {{"FILE", flags.file}};
  if (flags.partition) read.push_back({"--partition", *flags.partition});
  if (flags.out) GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, read));
  GIMBAL_TRY(diversity::GenerationFile file,
             flags.one ? diversity::read_lines(flags.file) : diversity::read_generations(flags.file, flags.skip_bad));
  if (flags.partition) GIMBAL_TRY(diversity::read_partitions(*flags.partition, file));
  if (file.skipped > 0)
    context.warn("bad_lines", fmt::format("{} bad line{} skipped", file.skipped, file.skipped == 1 ? "" : "s"),
                 static_cast<std::int64_t>(file.skipped));
  context.lap("read");
  Scored scored;
  std::size_t dropped = 0;
  for (const diversity::GenerationSet& set : file.sets) {
    scored.prompts.push_back(text_prompt(set));
    dropped += set.generations.size() - scored.prompts.back().texts.size();
  }
  if (dropped > 0)
    context.warn("not_text", fmt::format("{} generation{} not a text and left out", dropped, dropped == 1 ? " is" : "s are"),
                 static_cast<std::int64_t>(dropped));
  scored.measures.resize(scored.prompts.size());
  const bool all = parallel_for(scored.prompts.size(), 1, context.stop(), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) scored.measures[i] = diversity::text_measures(scored.prompts[i], options);
  });
  if (!all) return fail(ErrorCode::kInterrupted, "interrupted");
  context.lap("measure");

  DocumentWriter document("gimbal.diversity.text/1");
  JsonWriter& json = document.json();
  json.field("tokens", token_mode_name(flags.tokens));
  json.key("prompts").begin_array();
  for (std::size_t i = 0; i < scored.prompts.size(); ++i) {
    json.begin_object().key("group").raw(diversity::group_json(file.sets[i].group));
    json.field("prompt_id", scored.prompts[i].id).field("n", static_cast<std::uint64_t>(scored.prompts[i].texts.size()));
    write_measures(json, scored.measures[i]);
    json.end_object();
  }
  json.end_array().key("groups").begin_array();
  std::string tables;
  for (const auto& [group, members] : by_group(file.sets)) {
    std::vector<diversity::Measures> measures;
    std::size_t generations = 0;
    for (const std::size_t i : members) {
      measures.push_back(scored.measures[i]);
      generations += scored.prompts[i].texts.size();
    }
    GIMBAL_TRY(const auto means, diversity::mean_measures(measures, {.draws = static_cast<std::size_t>(flags.draws),
                                                                     .seed = context.seed,
                                                                     .group = group,
                                                                     .stop = context.stop()}));
    write_group(json, group, members.size(), generations, means);
    tables += (tables.empty() ? "" : "\n") + group_table(group, members.size(), generations, means);
  }
  json.end_array();
  context.lap("bootstrap");
  GIMBAL_TRY(finish_document(context, document, flags.out));
  context.print(tables);
  return 0;
}

}  // namespace

Command diversity_text_command() {
  auto flags = std::make_shared<Flags>();
  Command command("text", "Measure the diversity of texts without running them.");
  command.description(
      "For each prompt of a JSONL file of generations, and on average over prompts with bootstrap intervals: distinct n-grams, "
      "expectation-adjusted distinct (EAD), Jaccard distance, self-BLEU, compression, Vendi score. High self-BLEU and low "
      "compression mean little diversity.");
  command.positional("FILE", &flags->file).file().help("generations, JSONL or JSONL.gz; - is standard input");
  command.option("--measures", &flags->measures)
      .value("NAME,...")
      .help("of distinct, ead, jaccard, self-bleu, compression, vendi:ngram, hill");
  add_tokens(command, &flags->tokens);
  command.option("--ngrams", &flags->ngrams).value("N-N").help("orders of distinct, ead and jaccard");
  command.option("--ead-vocab", &flags->vocabulary).value("V").min(2).help("size of the vocabulary that EAD assumes");
  command.option("--partition", &flags->partition)
      .file()
      .value("FILE")
      .help("classes of equal meaning from outside, JSONL with prompt_id and classes; for hill");
  command.option("--at", &flags->at).value("K,K,...").min(1).help("subset sizes of distinct_at and pass_at, with hill");
  command.flag("--one", &flags->one).help("each line of a plain text file is a generation of one prompt");
  add_bootstrap(command, &flags->draws, 2000);
  add_skip_bad(command, &flags->skip_bad);
  add_out(command, &flags->out);
  command.example("gimbal diversity text answers.jsonl --measures distinct,self-bleu --ngrams 4");
  command.run([flags](CommandContext& context) { return text(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
