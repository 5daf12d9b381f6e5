// Logged decisions made up for the tests of cross-fitting and of models.
#pragma once

#include <string>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/policy/logged_data.h"

namespace gimbal::policy::testing {

struct MadeData {
  std::size_t rows = 240;
  std::size_t arms = 3;
  bool binary = false;
  double effect = 0.5;  // of x1 on the arms
  double noise = 0.5;
  std::uint64_t seed = 1;

  // Columns x1, x2, city (text), a ("a0", ...), y, e_a*, mu_a*, var_a*, village (12 of them), id, w (1 to 3).
  data::DataTable table() const {
    Stream stream(seed, "policy.test.made");
    std::vector<double> x1(rows), x2(rows), y(rows), w(rows);
    std::vector<std::string> city(rows), action(rows), village(rows), id(rows);
    std::vector<std::vector<double>> e(arms, std::vector<double>(rows)), mu = e, var = e;
    for (std::size_t i = 0; i < rows; ++i) {
      x1[i] = stream.normal();
      x2[i] = stream.normal();
      city[i] = stream.below(2) == 0 ? "north" : "south";
      std::vector<double> p(arms, 1.0);
      p[0] = 1 + (x1[i] > 0);
      double total = 0;
      for (const double value : p) total += value;
      for (std::size_t a = 0; a < arms; ++a) {
        e[a][i] = p[a] / total;
        const double level = 0.3 * x2[i] + effect * static_cast<double>(a) * x1[i] + (city[i] == "north" ? 0.2 : 0.0);
        mu[a][i] = binary ? 1 / (1 + std::exp(-level)) : level;
        var[a][i] = 0.5 + static_cast<double>(a);
      }
      const std::size_t a = stream.categorical(p);
      const double noise_draw = stream.normal(), coin = stream.uniform();
      action[i] = "a" + std::to_string(a);
      y[i] = binary ? (coin < mu[a][i] ? 1.0 : 0.0) : mu[a][i] + noise * noise_draw;
      village[i] = "v" + std::to_string(stream.below(12));
      id[i] = "u" + std::to_string(i);
      w[i] = 1 + static_cast<double>(stream.below(3));
    }
    data::DataTable out("made.csv");
    out.add_numbers("x1", x1).add_numbers("x2", x2).add_text("city", city).add_text("a", action).add_numbers("y", y);
    for (std::size_t a = 0; a < arms; ++a) {
      const std::string arm = "a" + std::to_string(a);
      out.add_numbers("e_" + arm, e[a]).add_numbers("mu_" + arm, mu[a]).add_numbers("var_" + arm, var[a]);
    }
    return out.add_text("village", village).add_text("id", id).add_numbers("w", w), out;
  }

  static DataFlags flags(const std::string& propensity = "columns:e_") {
    DataFlags out;
    out.outcome = "y";
    out.action = "a";
    out.features = {"x1", "x2", "city"};
    out.propensity = *parse_propensity(propensity);
    return out;
  }
};

// The table with some numbers of a column replaced.
inline data::DataTable with_column(const data::DataTable& table, const std::string& name, const std::vector<double>& values) {
  data::DataTable out(table.path());
  for (const data::Column& column : table.columns()) {
    if (column.name == name)
      out.add_numbers(name, values);
    else
      out.add_column(column);
  }
  return out;
}
inline data::DataTable with_cell(const data::DataTable& table, const std::string& name, std::size_t row, double value) {
  std::vector<double> values = table.find(name)->numbers;
  values[row] = value;
  return with_column(table, name, values);
}

}  // namespace gimbal::policy::testing
