#include "gimbal/cli/policy_groups.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/base/number.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::cli {
namespace {

constexpr std::size_t kMostLevels = 12;  // a numeric --by column with more distinct values is cut into quarters

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Where the run of digits that begins at `i` ends; leading zeros are passed over first.
std::string_view digits_at(std::string_view text, std::size_t& i) {
  while (i + 1 < text.size() && text[i] == '0' && is_digit(text[i + 1])) ++i;
  const std::size_t begin = i;
  while (i < text.size() && is_digit(text[i])) ++i;
  return text.substr(begin, i - begin);
}

// -1, 0, 1.
int compare_texts(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view x = digits_at(a, i), y = digits_at(b, j);
      if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      if (x != y) return x < y ? -1 : 1;
    } else {
      const auto x = static_cast<unsigned char>(a[i++]), y = static_cast<unsigned char>(b[j++]);
      if (x != y) return x < y ? -1 : 1;
    }
  }
  return static_cast<int>(i < a.size()) - static_cast<int>(j < b.size());
}

}  // namespace

bool level_before(std::string_view a, std::string_view b) {
  const auto rank = [](std::string_view level, const std::optional<double>& number) {
    return level == "missing" ? 2 : number ? 0 : 1;
  };
  const std::optional<double> x = parse_finite(a), y = parse_finite(b);
  const int rank_a = rank(a, x), rank_b = rank(b, y);
  if (rank_a != rank_b) return rank_a < rank_b;
  if (x && y && *x != *y) return *x < *y;
  const int order = compare_texts(a, b);
  return order != 0 ? order < 0 : a < b;
}

Result<policy::Grouping> grouping(const data::DataTable& table, const std::string& name) {
  GIMBAL_TRY(const data::Column* column, data::require_column(table, name, "--by"));
  policy::Grouping out{name, {}, {}};
  const data::Categories levels = data::as_categories(*column);
  if (!column->is_numeric() || levels.levels.size() <= kMostLevels) {
    std::vector<std::size_t> order(levels.levels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return level_before(levels.levels[a], levels.levels[b]); });
    std::vector<std::int32_t> rank(order.size());
    for (std::size_t r = 0; r < order.size(); ++r) {
      rank[order[r]] = static_cast<std::int32_t>(r);
      out.levels.push_back(levels.levels[order[r]]);
    }
    for (const std::int32_t code : levels.codes) {
      out.level_of.push_back(code == data::Column::kMissing ? -1 : rank[static_cast<std::size_t>(code)]);
    }
    return out;
  }
  std::vector<double> present;
  for (const double x : column->numbers) {
    if (!std::isnan(x)) present.push_back(x);
  }
  const double shares[] = {0.25, 0.5, 0.75};
  GIMBAL_TRY(const std::vector<double> cuts, stats::quantiles(present, shares));
  const std::string q[] = {format_significant(cuts[0], 4), format_significant(cuts[1], 4), format_significant(cuts[2], 4)};
  out.levels = {"<= " + q[0], q[0] + " to " + q[1], q[1] + " to " + q[2], "> " + q[2]};
  for (const double x : column->numbers) {
    out.level_of.push_back(std::isnan(x) ? -1 : static_cast<std::int32_t>((x > cuts[0]) + (x > cuts[1]) + (x > cuts[2])));
  }
  return out;
}

}  // namespace gimbal::cli
