// Models of the logging policy e_a(x) where it is not given: observed shares, multinomial logistic regression, boosted trees.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/data_flags.h"
#include "gimbal/policy/regression.h"

namespace gimbal::policy {

class PropensityModel {
 public:
  PropensitySpec spec;
  double clip = 0.01;                          // estimated probabilities are clipped to [clip, 1] and renormalized
  std::vector<double> shares;                  // kShares: K values
  std::vector<double> intercepts;              // kLogistic: K values
  Matrix coefficients;                         // kLogistic: K x d of the linear design
  std::shared_ptr<const learn::Gbdt> booster;  // kGbdt

  // n x K. `columns` delivers the probabilities for kColumns. `clipped`: how many units were clipped.
  struct Prediction {
    Matrix e;
    std::size_t clipped = 0;
  };
  Result<Prediction> predict(const Designs& designs, std::size_t rows, std::size_t arms) const;

  void write(JsonWriter& json) const;
  static Result<PropensityModel> read(const JsonView& json);
};

struct PropensityTask {
  PropensitySpec spec;
  double clip = 0.01;
  int arms = 2;
  std::span<const int> action;                 // n
  std::span<const double> weight = {};         // n or empty
  std::span<const std::int64_t> cluster = {};  // n or empty
  std::uint64_t seed = 0;
  std::int64_t part = 0;
};

// uniform, shares (weighted, of these rows), logistic or gbdt on `designs`. kColumns gives a model that cannot predict by
// itself.
Result<PropensityModel> fit_propensity(const Designs& designs, const PropensityTask& task);

// Weighted shares of the arms.
std::vector<double> arm_shares(std::span<const int> action, std::span<const double> weight, std::size_t arms);

}  // namespace gimbal::policy
