// What a file of scores says: mean with an interval, pass@k, maj@k, reasons.
//
// With one sample a prompt and scores of 0 or 1 the interval is Wilson's; otherwise prompts are resampled whole (bootstrap
// clustered by prompt), because samples of one prompt are not independent. Undecided scores are left out everywhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct AggregateOptions {
  std::vector<std::int64_t> k;  // of pass@k; empty: 1 and the largest number of samples that every prompt has
  bool majority = true;         // maj@k over all samples of a prompt
  double level = 0.95;
  std::size_t draws = 2000;
  std::uint64_t seed = 0;
  StopToken stop = {};
};

struct Aggregate {
  std::size_t n = 0;  // scores, the undecided included
  std::size_t prompts = 0;
  std::size_t passed = 0;
  std::size_t undecided = 0;
  std::size_t ambiguous = 0;
  std::size_t gold_unparsed = 0;
  std::optional<double> mean;                             // of the decided scores; nullopt: there are none
  std::optional<double> lo, hi;                           // nullopt: fewer than two prompts where a bootstrap is needed
  std::map<std::string, std::size_t> reasons;             // by name
  std::map<std::int64_t, std::optional<double>> pass_at;  // mean over prompts; nullopt when k > n of some prompt
  std::optional<double> majority;                         // share of prompts whose most frequent answer passes
};

// `prompt`: of each score, any numbers (equal means the same prompt). Errors: interrupted.
Result<Aggregate> aggregate(std::span<const Score> scores, std::span<const std::int64_t> prompt, const Verifier& verifier,
                            const AggregateOptions& options = {});

// The place of the sample that a majority vote picks: the first member of the largest class of answers that the verifier calls
// the same (with the first member of each class, in order); ties go to the class whose first member came first. Scores without
// an extracted answer do not vote. nullopt: nobody votes, or the verifier knows no sameness.
std::optional<std::size_t> majority_choice(std::span<const Score> samples, const Verifier& verifier);

}  // namespace gimbal::reward
