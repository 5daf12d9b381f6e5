// Two groups of a scores document on the same units: what `gimbal diversity compare SCORES --pairs` tests.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/compare.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/measure.h"

namespace gimbal::diversity {

inline constexpr std::string_view kScoresSchema = "gimbal.diversity.scores/1";

// A prompt of a scores document.
struct PromptMeasures {
  std::string prompt_id;
  Group group = {};
  Measures measures = {};
};
// Errors: those of the file; version for another schema.
Result<std::vector<PromptMeasures>> read_scores(const std::string& path);

// A group is what has a value in a column.
struct GroupSide {
  std::string column;
  std::string value;                                         // as a person writes it: base, 0.8
  std::string text() const { return column + "=" + value; }  // "model=base"
};
struct GroupPair {
  GroupSide a, b;
};
// "model=base:model=inst"; "base:inst" is short for the first column of the first prompt. Values may hold colons: the split is
// the one for which both sides are there. Errors: usage, naming the values that there are.
Result<GroupPair> parse_pair(std::string_view text, std::span<const PromptMeasures> prompts);

// What is paired: a prompt with the remaining columns, or the remaining columns alone (means over their prompts). kAuto:
// prompts where both groups share six or more.
enum class PairUnit { kAuto, kPrompt, kCell };
std::string_view pair_unit_name(PairUnit unit);

// The measures of both groups unit by unit.
struct PairedGroups {
  std::string a, b;  // "model=base"
  PairUnit unit = PairUnit::kPrompt;
  std::vector<Measures> of_a = {}, of_b = {};
};
// Errors: insufficient_data when no unit is common, with both sides' counts; conflict when a unit comes twice.
Result<PairedGroups> pair_groups(std::span<const PromptMeasures> prompts, const GroupPair& pair, PairUnit unit);

// The values of one measure. nullopt: no unit has it on both sides.
std::optional<PairedSamples> samples_of(const PairedGroups& groups, const std::string& measure);

// Validity or variety? On the means over units, log(div_b / div_a) = log(validity_b / validity_a) + log of the ratio of
// distinct behaviours a valid generation; with bootstrap intervals over units. No value where a mean is 0.
struct Decomposition {
  struct Part {
    std::optional<double> value, lo, hi;
  };
  std::string a, b;
  Part log_ratio, from_validity, from_variety;
};
// Errors: insufficient_data without validity and div_fixed; interrupted.
Result<Decomposition> decompose(const PairedGroups& groups, const CompareOptions& options);

}  // namespace gimbal::diversity
