// All measures of free text, prompt by prompt, and their means over prompts: what `gimbal diversity text` prints.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/diversity/lexical.h"
#include "gimbal/diversity/measure.h"
#include "gimbal/diversity/semantic.h"
#include "gimbal/diversity/tokens.h"

namespace gimbal::diversity {

struct TextOptions {
  TokenMode tokens = TokenMode::kWords;
  std::vector<int> orders = {1, 2, 3, 4, 5, 6};
  double vocabulary = kDefaultVocabulary;
  bool distinct = true, ead = true, jaccard = true, self_bleu = true, compression = true;
  std::vector<int> bleu_orders = {2, 3, 4};
  bool vendi = false;  // of the cosine between bags of 1..2-grams: vendi_1
  bool hill = false;   // the semantic measures, with classes from the partition, or of equal texts where there is none
  std::vector<int> at = {};
};

// One prompt's texts; `partition` replaces execution.
struct TextPrompt {
  std::string id;
  std::vector<std::string> texts;
  std::optional<Partition> partition = {};
};

// In the order of documents: lexical measures, compression, vendi_1, semantic measures.
Measures text_measures(const TextPrompt& prompt, const TextOptions& options);

// The mean of one measure over the prompts for which it is defined.
struct MeanMeasure {
  std::string name;
  std::optional<double> mean, lo, hi;  // bootstrap interval over prompts; none with fewer than 2 prompts or no draws
  std::size_t n = 0;                   // prompts for which it is defined
};
struct MeanOptions {
  std::size_t draws = 2000;  // 0: no intervals
  double level = 0.95;
  std::uint64_t seed = 0;
  std::string group = {};  // part of the key of the draws: stream "diversity.boot", measure, group
  StopToken stop = {};
};
// `prompts`: the measures of each prompt; a measure that a prompt lacks is not defined for it. Names in order of first
// appearance. Errors: interrupted.
Result<std::vector<MeanMeasure>> mean_measures(const std::vector<Measures>& prompts, const MeanOptions& options);

}  // namespace gimbal::diversity
