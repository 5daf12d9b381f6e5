// What the tests of cross-fitting share: fits of made data, the settings that all properties are checked at, and a slow least
// squares.
#pragma once

#include "gimbal/policy/crossfit.h"

#include <algorithm>
#include <cmath>

#include "gimbal/learn/gbdt.h"
#include "gimbal/policy/crossfit_test_data.h"

namespace gimbal::policy::testing {

inline FitSpec spec_of(std::string_view learner, std::string_view variance = "auto", std::string_view effect = "t",
                       int folds = 5) {
  FitSpec spec;
  EXPECT_TRUE(set_learner(spec, learner));
  EXPECT_TRUE(set_variance(spec, variance));
  EXPECT_TRUE(set_effect(spec, effect));
  spec.folds = folds;
  return spec;
}

inline Result<CrossfitResult> fit(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  GIMBAL_TRY(LoggedData data, prepare_logged(table, flags));
  return crossfit(std::move(data), flags, spec);
}

inline CrossfitResult must_fit(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  auto result = fit(table, flags, spec);
  if (!result) {
    ADD_FAILURE() << result.error().text();
    return CrossfitResult();
  }
  return std::move(*result);
}

inline std::string error_of(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  const auto result = fit(table, flags, spec);
  return result ? "no error" : result.error().text();
}
inline int exit_of(const data::DataTable& table, const DataFlags& flags, const FitSpec& spec) {
  const auto result = fit(table, flags, spec);
  return result ? 0 : exit_code(result.error().code);
}

inline bool has_warning(const CrossfitResult& result, std::string_view code) {
  return std::ranges::any_of(result.warnings, [&](const Warning& warning) { return warning.code == code; });
}

// Least squares of y on (1, x) over `rows` by Gauss elimination, slow and obvious.
inline std::vector<double> least_squares(const std::vector<std::vector<double>>& x, const std::vector<double>& y,
                                         const std::vector<std::size_t>& rows) {
  const std::size_t p = x.size() + 1;
  std::vector<std::vector<double>> a(p, std::vector<double>(p + 1, 0.0));
  for (const std::size_t r : rows) {
    std::vector<double> z = {1};
    for (const auto& column : x) z.push_back(column[r]);
    for (std::size_t i = 0; i < p; ++i) {
      for (std::size_t j = 0; j < p; ++j) a[i][j] += z[i] * z[j];
      a[i][p] += z[i] * y[r];
    }
  }
  for (std::size_t i = 0; i < p; ++i) {
    for (std::size_t k = 0; k < p; ++k) {
      if (k == i) continue;
      const double factor = a[k][i] / a[i][i];
      for (std::size_t j = 0; j <= p; ++j) a[k][j] -= factor * a[i][j];
    }
  }
  std::vector<double> beta(p);
  for (std::size_t i = 0; i < p; ++i) beta[i] = a[i][p] / a[i][i];
  return beta;
}

struct Setting {
  std::string learner, variance, effect, propensity;
  bool binary;
};

inline std::vector<Setting> settings() {
  std::vector<Setting> all = {{"mean", "arm", "t", "uniform", false},     {"ols", "arm", "t", "columns:e_", false},
                              {"ridge", "model", "t", "shares", false},   {"ridge", "arm", "dr", "logistic", false},
                              {"ols", "arm", "dr", "columns:e_", false},  {"logistic", "binomial", "t", "logistic", true},
                              {"auto", "auto", "t", "shares", true},      {"auto", "model", "dr", "logistic", false},
                              {"logistic", "model", "dr", "shares", true}};
  if (learn::gbdt_available()) {
    all.push_back({"gbdt", "model", "t", "gbdt", false});
    all.push_back({"gbdt", "binomial", "dr", "shares", true});
  }
  return all;
}

inline std::string name_of(const Setting& s) {
  return s.learner + " " + s.variance + " " + s.effect + " " + s.propensity + (s.binary ? " binary" : "");
}

}  // namespace gimbal::policy::testing
