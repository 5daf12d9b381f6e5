// All measures of the prompts of a records file: what `gimbal diversity score` prints. Prompts are read in chunks, so that the
// memory is that of the scores and of one chunk.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/diversity/ast.h"
#include "gimbal/diversity/lexical.h"
#include "gimbal/diversity/outcome.h"
#include "gimbal/diversity/records.h"
#include "gimbal/diversity/tokens.h"

namespace gimbal::diversity {

class PythonHelper;

struct RecordScoreOptions {
  bool lexical = true;
  const PythonHelper* ast = nullptr;        // null: no syntactic measures
  bool over_all = true, over_valid = true;  // lexical and syntactic measures of all programs, of the valid ones ("_valid")
  TokenMode tokens = TokenMode::kCode;
  LexicalOptions words;
  AstOptions trees;
  std::optional<ValidityRule> validity = {};                  // instead of the run's
  std::optional<reward::OutputEquivalence> equivalence = {};  // instead of the run's; outputs are read then
  StopToken stop;
};

// One prompt's scores; the semantic measures follow from k and the sizes (semantic_measures).
struct RecordScore {
  std::string prompt_id;
  Group group;
  int k = 0;
  std::vector<int> sizes = {};  // of the classes, decreasing
  std::optional<double> pair_all = {};
  Measures form = {};        // lexical and syntactic measures
  std::size_t unparsed = 0;  // programs without a syntax tree
};

struct RecordScores {
  RecordsHeader header;
  bool order_dependent = false;
  std::vector<RecordScore> prompts;  // in the order of the file
};

// Errors: those of RecordsReader and OutputsReader; conflict when outputs are needed and the tasks file has changed;
// interrupted.
Result<RecordScores> score_records(const std::string& path, const RecordScoreOptions& options);

}  // namespace gimbal::diversity
