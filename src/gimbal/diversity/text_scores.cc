#include "gimbal/diversity/text_scores.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "gimbal/diversity/kernel.h"
#include "gimbal/stats/bootstrap.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::diversity {
namespace {

// Vendi score of the cosine between count vectors of unigrams and bigrams; texts without a token are left out.
std::optional<double> gram_vendi(const std::vector<TokenSeq>& programs) {
  const auto grams = all_gram_bags(programs, 2);
  std::vector<std::unordered_map<std::uint64_t, double>> counts;
  std::vector<double> length;
  for (std::size_t p = 0; p < programs.size(); ++p) {
    std::unordered_map<std::uint64_t, double> count;
    for (std::uint64_t n = 0; n < 2; ++n) {
      for (const std::uint32_t id : grams[n][p]) ++count[n << 32 | id];
    }
    double squares = 0;
    for (const auto& [gram, c] : count) squares += c * c;
    if (squares == 0) continue;
    counts.push_back(std::move(count));
    length.push_back(std::sqrt(squares));
  }
  if (counts.empty()) return std::nullopt;
  Matrix kernel(counts.size(), counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    kernel(i, i) = 1;
    for (std::size_t j = 0; j < i; ++j) {
      // Counts are integers, so the order of the sum does not matter.
      double dot = 0;
      for (const auto& [gram, c] : counts[i]) {
        if (const auto at = counts[j].find(gram); at != counts[j].end()) dot += c * at->second;
      }
      kernel(i, j) = kernel(j, i) = dot / (length[i] * length[j]);
    }
  }
  return vendi(kernel, 1).value();
}

}  // namespace

Measures text_measures(const TextPrompt& prompt, const TextOptions& options) {
  TokenInterner interner;
  std::vector<TokenSeq> programs;
  for (const std::string& text : prompt.texts) programs.push_back(tokenize(text, options.tokens, interner));
  LexicalOptions lexical{.orders = options.orders,
                         .bleu_orders = options.bleu_orders,
                         .vocabulary = options.vocabulary,
                         .distinct = options.distinct,
                         .ead = options.ead,
                         .jaccard = options.jaccard};
  if (!options.self_bleu) lexical.bleu_orders.clear();
  Measures out = lexical_measures(programs, lexical);
  if (options.compression) out.push_back({"compression", compression_ratio(prompt.texts)});
  if (options.vendi) out.push_back({"vendi_1", gram_vendi(programs)});
  if (options.hill) {
    std::vector<std::optional<std::string>> labels;
    if (!prompt.partition) labels.assign(prompt.texts.begin(), prompt.texts.end());
    const Measures semantic = semantic_measures(prompt.partition ? *prompt.partition : partition_of(labels), options.at);
    out.insert(out.end(), semantic.begin(), semantic.end());
  }
  return out;
}

Result<std::vector<MeanMeasure>> mean_measures(const std::vector<Measures>& prompts, const MeanOptions& options) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<double>, std::less<>> values;
  for (const Measures& measures : prompts) {
    for (const Measure& m : measures) {
      const auto [at, fresh] = values.try_emplace(m.name);
      if (fresh) names.push_back(m.name);
      if (m.value) at->second.push_back(*m.value);
    }
  }
  std::vector<MeanMeasure> out;
  for (const std::string& name : names) {
    const std::vector<double>& x = values.find(name)->second;
    MeanMeasure mean{name, {}, {}, {}, x.size()};
    if (!x.empty()) mean.mean = stats::mean(x).value();
    if (x.size() >= 2 && options.draws > 0) {
      const auto stream = [&](std::uint64_t b) { return Stream(options.seed, "diversity.boot", name, options.group, b); };
      GIMBAL_TRY(const auto interval,
                 stats::bootstrap_mean(
                     x, {}, {}, {.draws = options.draws, .level = options.level, .stream = stream, .stop = options.stop}));
      mean.lo = interval.lo;
      mean.hi = interval.hi;
    }
    out.push_back(std::move(mean));
  }
  return out;
}

}  // namespace gimbal::diversity
