// The two bodies of `gimbal diversity score`: of class sizes, and of records (diversity_score_records.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/cli/command_context.h"
#include "gimbal/cli/sandbox_commands.h"
#include "gimbal/diversity/lexical.h"
#include "gimbal/diversity/outcome.h"
#include "gimbal/diversity/tokens.h"

namespace gimbal::cli {

struct ScoreFlags {
  std::vector<std::string> records;
  std::vector<int> sizes;
  int k = 0;
  std::vector<int> at = {1, 2, 4, 8, 16, 32};
  std::optional<int> budget;
  std::optional<std::string> out;

  // Of records.
  std::vector<std::string> measures = {"semantic", "lexical", "ast"};
  std::vector<std::string> by;
  std::optional<diversity::ValidityRule> validity;
  std::optional<std::string> equiv;
  diversity::TokenMode tokens = diversity::TokenMode::kCode;
  std::string ngrams = "1-6", heights = "3-6";
  double vocabulary = diversity::kDefaultVocabulary;
  enum class Over { kAll, kValid, kBoth } over = Over::kBoth;
  std::int64_t draws = 2000;
  bool zero = false, percent = false, per_prompt = false;
  std::string python;
  SandboxPolicyFlags policy;
};

// The subset sizes of distinct_at and pass_at: those asked for, or the usual ones up to `most`, and the budget.
// Errors: invalid_argument at --at.
Result<std::vector<int>> subset_sizes(const CommandContext& context, const ScoreFlags& flags, int most, int budget);

// "64 % of the generations are valid; 32 draws give 5.4 different valid behaviours on average; the commonest ..."
std::string words_of_scores(double validity, int budget, std::optional<double> at_budget, std::optional<double> largest_share);

Result<int> score_of_records(CommandContext& context, const ScoreFlags& flags);

}  // namespace gimbal::cli
