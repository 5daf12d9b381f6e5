// Which columns of a data file mean what: the flags that every verb on logged data shares, carried on in model and policy
// files so that later verbs need none of them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

// Where the logging probabilities e_a(x) come from.
struct PropensitySpec {
  enum class Kind { kUniform, kShares, kColumns, kLogistic, kGbdt };
  Kind kind = Kind::kUniform;
  std::string prefix;  // kColumns: the columns are prefix + arm

  bool is_estimated() const { return kind == Kind::kLogistic || kind == Kind::kGbdt; }
  std::string text() const;  // "uniform", "columns:e_"
};
// Errors: usage with the choices and when each is right.
Result<PropensitySpec> parse_propensity(std::string_view text);
// The same error for a command that needs a propensity and got none.
Error missing_propensity();

// A cost that is subtracted from the outcome whenever `arm` is given: a constant or a column.
struct ValueCost {
  std::string arm;
  double constant = 0;
  std::string column;  // empty: the constant
};
// "ARM=X" or "ARM=@column", split at the last '='.
Result<ValueCost> parse_value_cost(std::string_view text);

struct DataFlags {
  std::string outcome, action, id, cluster, weight;  // column names; id, cluster, weight may be empty
  std::optional<PropensitySpec> propensity;
  std::vector<std::string> features;  // grammar of data/encoding.h; empty: all columns without another role
  std::vector<std::string> arms;      // order of the arms; empty: numeric if all are integers, else lexicographic
  bool minimize = false;
  bool drop_missing_outcome = false;
  std::vector<ValueCost> value_costs;
  std::string baseline = "logging";

  // What an outcome of the files is multiplied by on reading, and what is reported on writing: -1 with --minimize.
  double outcome_sign() const { return minimize ? -1.0 : 1.0; }

  // One object; read(write(x)) == x.
  void write(JsonWriter& json) const;
  static Result<DataFlags> read(const JsonView& json);
};

}  // namespace gimbal::policy
