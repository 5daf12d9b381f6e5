// The policy as a file, gimbal.policy.policy/1: a point of a frontier (or a tree) with everything that is needed to apply it to
// new units and to evaluate it on a test set. It is self-contained: no other file is read to apply it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/limits.h"
#include "gimbal/policy/model.h"
#include "gimbal/policy/training_data.h"
#include "gimbal/policy/tree.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

inline constexpr std::string_view kPolicySchema = "gimbal.policy.policy/1";

// What was said of the chosen point when it was chosen. Units are those of the outcome, larger is better.
struct Promise {
  double tau = 0, z1 = 0, power = 0, n_test = 0;
  std::optional<double> tau_honest, power_honest;
};

struct PolicyFile {
  enum class Source { kModel, kNuisances, kTree };
  Source source = Source::kModel;
  std::vector<std::string> arms;

  // The point: pi(lambda), or with shared constraints the solution at `effective_lambda` (finite) with the multipliers eta.
  double lambda = kInfinity;
  double effective_lambda = kInfinity;
  std::vector<double> eta;
  Score score = Score::kDr;
  double centre = 0;  // c of M_a as it was when the policy was made
  bool deterministic = false;
  Limits limits;

  std::string baseline = "logging";
  std::shared_ptr<const PolicyFile> baseline_policy;  // for baseline policy:FILE, embedded
  double c0 = 0;                                      // of cipw at evaluation
  std::string select;                                 // the rule, "" for a tree
  CurveKind curve = CurveKind::kHonest;
  bool fallback = false;
  std::optional<Promise> promise;

  DataFlags data;                  // column names; of a nuisance table: only cluster and minimize count
  std::optional<Model> model;      // kModel, and kTree made from a model
  std::optional<PolicyTree> tree;  // kTree
  TrainingData training;

  std::string text() const;  // the document, without a trailing newline
};

// Errors: version, corrupted, parse_error with the path of the field.
Result<PolicyFile> parse_policy_file(const JsonView& json);
Result<PolicyFile> read_policy_file(const std::string& path);

// Units with their nuisances and the baseline that a policy is compared with.
struct Units {
  data::DataTable table;                   // as read
  std::shared_ptr<const Table> nuisances;  // e, mu, var, b (empty: logging), weight
  std::size_t unknown_cells = 0, clipped = 0, trimmed = 0;
};

// Columns that must be read as text, and prefixes of columns that are needed beside the model's own (baseline columns).
// e, mu and s2 for new rows, the baseline resolved, rows below the model's --trim left out. `weight`: name of a column or "".
// Errors: those of Model::predict and resolve_baseline.
Result<Units> predict_units(const Model& model, data::DataTable table, std::string_view baseline,
                            const std::shared_ptr<const PolicyFile>& baseline_policy, const std::string& weight,
                            data::UnknownCategory unknown);

// The matrix b of a baseline for these units; empty for logging.
Result<Matrix> baseline_probabilities(std::string_view baseline, const std::shared_ptr<const PolicyFile>& baseline_policy,
                                      const std::vector<std::string>& arms, const Matrix& e, const data::DataTable* table,
                                      data::UnknownCategory unknown);

// n x K probabilities of the policy. `units`: the columns of the same n units, needed for limits that read columns, trees and
// baselines in columns; may be null otherwise. `nuisances` carries the policy's own baseline in b.
Result<Matrix> policy_probabilities(const PolicyFile& policy, const std::shared_ptr<const Table>& nuisances,
                                    const data::DataTable* units, data::UnknownCategory unknown);

// Model, baseline and policy at once, for rows of a file. A policy made from nuisance tables cannot do that (unsupported).
struct AppliedPolicy {
  Units units;
  Matrix pi;
};
Result<AppliedPolicy> apply_policy(const PolicyFile& policy, data::DataTable table, data::UnknownCategory unknown);

// How read_table must treat the columns of a file to which the policy is applied.
data::NameSet text_columns(const PolicyFile& policy);

}  // namespace gimbal::policy
