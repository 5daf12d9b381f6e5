// The fitted nuisance models as one value: predictions of e, mu and s2 for any table, and the file gimbal.policy.model/1.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gimbal/data/encoding.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/data_flags.h"
#include "gimbal/policy/fit_spec.h"
#include "gimbal/policy/propensity.h"
#include "gimbal/policy/regression.h"
#include "gimbal/policy/training_data.h"
#include "gimbal/policy/types.h"

namespace gimbal::policy {

inline constexpr std::string_view kModelSchema = "gimbal.policy.model/1";

// s2_a(x) of one arm.
struct VarianceModel {
  VarianceKind kind = VarianceKind::kArm;  // arm, model or binomial; columns
  double mean = 0;  // kArm: the value; kModel: the arm's mean, which bounds the regression to [0.1, 10] times
  std::optional<Regression> regression;  // kModel: of squared residuals
  double rows = 0;                       // kBinomial: mu is clamped to [1/(rows+2), 1 - 1/(rows+2)]
  double excess = 0;                     // kBinomial: mean squared difference of out-of-fold and in-sample predictions

  // `mu`: predictions of the fitted outcome (before sign and cost). n values, floored at `floor`.
  Result<std::vector<double>> predict(const Designs& designs, std::span<const double> mu, double floor) const;
};

struct ArmModel {
  Regression outcome;                // of the fitted outcome: LoggedData::fitted_outcome
  std::optional<Regression> effect;  // --effect dr: chat_a, the contrast with the first arm on the net scale; none for that arm
  VarianceModel variance;
};

// What a table of predictions cost: cells treated as missing, units clipped, units below --trim.
struct Predictions {
  Table table;
  std::size_t unknown_cells = 0;
  std::size_t clipped = 0;
};

class Model {
 public:
  DataFlags flags;
  FitSpec spec;
  std::vector<std::string> arms;
  data::Encoding encoding;
  std::vector<ArmModel> arm_models;  // K; outcome unused when predictions come from columns
  std::vector<double> arm_cost;      // K constants
  PropensityModel propensity;
  double c0 = 0;              // training mean of the net outcome
  double variance_floor = 0;  // 1e-12 Var(Y)
  bool binary = false;
  std::size_t rows = 0;
  TrainingData training;

  double outcome_sign() const { return flags.outcome_sign(); }
  // Columns that read_table must keep as text, and all that predictions need.
  data::NameSet text_columns() const;
  data::NameSet columns() const;

  // e, mu, var for every row of `table`, matched by column name; no outcome or action is needed. Errors: not_found, parse_error
  // as Encoding::apply and read_arm_columns. Does not set weights or baselines.
  Result<Predictions> predict(const data::DataTable& table, data::UnknownCategory unknown) const;
  // The same from designs that are already encoded and, for columns, from the table.
  Result<Predictions> predict(const Designs& designs, const data::DataTable& table) const;

  // Fields into the object that is open, without "schema".
  void write_fields(JsonWriter& json) const;
  static Result<Model> read(const JsonView& json);
};

// Which designs the models of a fit need.
bool fit_needs_linear(const FitSpec& spec, const PropensitySpec& propensity);
bool fit_needs_tree(const FitSpec& spec, const PropensitySpec& propensity);

}  // namespace gimbal::policy
