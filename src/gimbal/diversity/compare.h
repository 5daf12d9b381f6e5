// Two groups on the same units: for each measure the signed-rank test, effect sizes, a paired bootstrap interval of the mean
// difference, and p-values adjusted over all rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"

namespace gimbal::diversity {

// One measure of both groups; a unit without a value on either side is left out.
struct PairedSamples {
  std::string measure, a, b;  // names for documents
  std::vector<std::optional<double>> values_a = {}, values_b = {};
};

struct ComparisonRow {
  std::string measure, a, b;
  std::size_t n = 0;      // units with both values
  std::size_t zeros = 0;  // of them, without a difference
  bool exact = true;
  double mean_a = 0, mean_b = 0, mean_diff = 0, median_diff = 0;  // differences are a - b
  std::optional<double> lo = {}, hi = {};                         // of the mean difference; none for n < 2 or no draws
  double w = 0, p = 1, p_adj = 1;
  std::optional<double> cohens_d = {}, d_z = {};  // none for n < 2 or without spread
  double rank_biserial = 0;
  std::size_t wins = 0, ties = 0, losses = 0;  // a above, equal to, below b
  bool significant = false;                    // p_adj <= alpha
};

enum class Multiplicity { kHolm, kBenjaminiHochberg, kNone };
struct CompareOptions {
  Multiplicity adjust = Multiplicity::kHolm;
  double alpha = 0.05;  // of the verdict; intervals cover 1 - alpha
  std::size_t draws = 2000;
  std::uint64_t seed = 0;
  StopToken stop = {};
};

// One row for each of `samples`, in order. Both lists of a sample are equally long and hold finite values. Errors:
// insufficient_data (a sample without a common unit, naming it with both sides' counts), invalid_argument, interrupted.
Result<std::vector<ComparisonRow>> compare(std::span<const PairedSamples> samples, const CompareOptions& options);

}  // namespace gimbal::diversity
