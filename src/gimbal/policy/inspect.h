// What one needs to know of logged data before anything is fitted: the outcome's kind, each arm's rows and mean, plain
// differences between arms, how well randomization (or weighting by known propensities) balances the covariates, and the
// smallest improvement that this many rows can confirm.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/base/warning.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/balance.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

enum class OutcomeKind { kBinary, kCount, kContinuous };  // exactly the values 0 and 1; non-negative integers; anything else
std::string_view outcome_kind_name(OutcomeKind kind);
OutcomeKind outcome_kind(std::span<const double> outcome);

struct InspectionInput {
  std::string outcome_column;
  std::vector<std::string> arms;
  Logged logged;
  std::int64_t outcome_missing = 0;           // rows that were dropped because their outcome was missing
  std::vector<double> weight;                 // empty: 1
  Matrix e;                                   // n x K, or empty when the propensities are not known
  Matrix b;                                   // n x K, or empty: b = e
  std::optional<std::size_t> baseline_arm;    // the arm that contrasts are taken against; default the first
  std::vector<const data::Column*> features;  // n rows each; not copied
  double alpha = 0.05;
  Side side = Side::kTwo;
  bool minimize = false;  // outcomes were negated on reading: reported outcomes are negated back
};

struct Inspection {
  struct Outcome {
    std::string column;
    OutcomeKind kind = OutcomeKind::kContinuous;
    double mean = 0, sd = 0, min = 0, max = 0;
    std::int64_t missing = 0;
  };
  struct Arm {
    std::string name;
    std::int64_t rows = 0;
    double share = 0, mean = 0;
    std::optional<double> se, propensity_min, propensity_max, ess_all_in;
  };
  struct Contrast {
    std::string arm, against;
    double difference = 0;
    std::optional<double> se, ci_low, ci_high, p;
  };
  struct Feature {
    std::string name;
    bool numeric = true;
    std::int64_t missing = 0;
    std::optional<std::int64_t> levels;
  };
  std::int64_t rows = 0;
  Outcome outcome;
  std::vector<Arm> arms;
  std::vector<Contrast> contrasts;
  std::vector<FeatureBalance> balance;  // descending
  std::optional<double> minimum_detectable_improvement;
  std::vector<Feature> features;
  std::vector<Warning> warnings;
};

// Errors: invalid_argument (shapes, fewer than two arms), insufficient_data (constant outcome). O(n (K + features)).
// Standard errors are clustered when logged.cluster is given. minimum_detectable_improvement = z_req(0.8) SE of the cipw score
// of "the arm with the largest mean for everyone" against the baseline; without e the observed arm shares stand in, with a
// warning.
Result<Inspection> inspect(const InspectionInput& input);

// The fields "rows" ... "features" of gimbal.policy.inspection/1, into the object that is open.
void write_inspection_fields(JsonWriter& out, const Inspection& inspection);

}  // namespace gimbal::policy
