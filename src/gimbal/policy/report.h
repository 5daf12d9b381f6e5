// The report of a policy, written for someone who has never seen the method: three sentences (what was chosen, what was
// promised, what the test says), the charts of charts.h each with a caption that tells how to read it, the assumptions on which
// all of it stands, warnings, and the exact commands that make each artifact again.
//
// It works with whatever is there: without a test set, without an honest curve, with two arms or many, with clusters and under
// shared constraints. What is missing is said, not left out in silence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/warning.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/crossfit.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/frontier_request.h"
#include "gimbal/policy/model.h"
#include "gimbal/policy/select.h"
#include "gimbal/policy/unit_scores.h"
#include "gimbal/run/report.h"

namespace gimbal::policy {

// How one artifact is made again: "artifacts/model.json" and the command line.
struct ReproduceCommand {
  std::string artifact, command;
};

// Pointers are read during the call only; those that say "or null" may be null.
struct PolicyReportInput {
  std::string title;     // empty: "Policy for <outcome>"
  std::string subtitle;  // what, when, from which data

  // The frontier (required, with its `loaded`) and the point that was chosen on it (required).
  const FrontierDocument* frontier = nullptr;
  const FrontierPoint* chosen = nullptr;
  SelectRule rule;                       // what was asked for
  CurveKind curve = CurveKind::kHonest;  // on which curve
  bool fallback = false;                 // the rule could not be met and another point was taken
  std::string fallback_rule = "max-z";
  std::string why;  // with fallback: Choice::why

  // With --deterministic: the frontier with randomization, drawn behind; or null.
  const FrontierDocument* behind = nullptr;
  std::string behind_label = "with randomization";

  // The population on which the policy was planned: pi (n x K) with the nuisances and, where a file was read, its columns.
  const Table* population = nullptr;       // or null
  const Matrix* pi = nullptr;              // or null
  const data::DataTable* units = nullptr;  // or null
  std::vector<std::string> features;       // columns for the policy table; empty: those of the model's encoding

  // The models. `fit`: the cross-fitting in memory, for the table of models; or null.
  const Model* model = nullptr;         // or null: predictions came from a nuisance table
  const CrossfitResult* fit = nullptr;  // or null
  bool propensity_known = false;        // a randomized trial or logged probabilities; ignored where `model` says it

  // The test. `tested`: index of the policy; `test_scores`: its unit scores (for the weights), or null.
  const Evaluation* evaluation = nullptr;  // or null
  std::size_t tested = 0;
  const UnitScores* test_scores = nullptr;  // or null
  std::vector<double> test_unit_weight;     // omega; empty: 1

  std::optional<Wording> wording;              // default: wording_of(frontier->loaded)
  std::int64_t rows_train = 0, rows_test = 0;  // 0: not said
  std::vector<Warning> warnings;
  std::vector<ReproduceCommand> commands;
  std::vector<std::pair<std::string, double>> timing_ms;  // "read", "fit", ...
  std::string version;
  std::uint64_t seed = 0;
};

run::Report policy_report(const PolicyReportInput& input);

// The three sentences alone, for summaries: chosen, promised, tested ("No test set ..." without one).
struct ReportSentences {
  std::string chosen, promised, tested;
};
ReportSentences report_sentences(const PolicyReportInput& input);

}  // namespace gimbal::policy
