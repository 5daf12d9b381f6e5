// How much changes: shares of the arms old against new, and how far each unit moves.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kMaxShareRows = 40;
constexpr std::size_t kLabelBytes = 40;
// Movements pile up where units are at a bound; the default rule, made for one hump, would merge the piles.
constexpr std::size_t kFineBinsFrom = 200;
constexpr int kFineBins = 24;

}  // namespace

std::vector<double> mean_shares(const Matrix& pi, std::span<const double> weight) {
  std::vector<double> out(pi.cols(), 0.0);
  double total = 0;
  for (std::size_t i = 0; i < pi.rows(); ++i) {
    const double w = weight.empty() ? 1.0 : weight[i];
    total += w;
    for (std::size_t a = 0; a < pi.cols(); ++a) out[a] += w * pi(i, a);
  }
  for (double& share : out) share /= total;
  return out;
}

run::Chart shares_chart(const std::vector<std::string>& arms, std::span<const double> old_shares,
                        std::span<const double> new_shares, std::string_view baseline, const Wording& wording) {
  run::DotPlot plot;
  plot.title = "Shares, old against new";
  plot.x = {.title = "share of the " + wording.units + " that get the arm", .unit = "", .min = 0.0, .max = {}, .percent = true};
  plot.series = {"old: " + baseline_words(baseline), "new: the chosen policy"};
  plot.connect = true;
  plot.zero = std::nullopt;
  std::vector<std::size_t> order(arms.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (arms.size() > kMaxShareRows) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::abs(new_shares[a] - old_shares[a]) > std::abs(new_shares[b] - old_shares[b]);
    });
    order.resize(kMaxShareRows);
    plot.subtitle = fmt::format("The {} of {} arms that change most.", order.size(), arms.size());
  }
  run::DotGroup group;
  for (const std::size_t a : order) {
    group.rows.push_back(
        {arms[a], {{old_shares[a], run::kNoValue, run::kNoValue}, {new_shares[a], run::kNoValue, run::kNoValue}}, "", false});
  }
  plot.groups = {std::move(group)};
  return run::draw(plot);
}

run::Chart movement_chart(const PolicyOnUnits& input, const Wording& wording) {
  run::DistributionChart chart;
  chart.what = wording.units;
  run::Sample sample;
  if (input.pi && input.b) {
    const Matrix &pi = *input.pi, &b = *input.b;
    sample.weights.assign(input.weight.begin(), input.weight.end());
    for (std::size_t i = 0; i < pi.rows(); ++i) {
      double moved = 0;
      for (std::size_t a = 0; a < pi.cols(); ++a) moved += 0.5 * std::abs(pi(i, a) - b(i, a));
      sample.values.push_back(pi.cols() == 2 ? pi(i, 1) - b(i, 1) : moved);
    }
  }
  const bool two = input.arms.size() == 2;
  chart.title = "Who moves, and how far";
  sample.label = wording.units;
  // Zero belongs on the axis unless people differ and all are far from it.
  double lowest = 0, highest = 0;
  if (!sample.values.empty()) {
    const auto [least, most] = std::minmax_element(sample.values.begin(), sample.values.end());
    lowest = *least, highest = *most;
  }
  const bool with_zero = lowest < 0.5 * highest || highest - lowest < 0.01;
  if (sample.values.size() >= kFineBinsFrom) chart.bins = kFineBins;
  chart.samples = {std::move(sample)};
  if (two) {
    chart.x = {.title = fmt::format("change of the probability of “{}”, new minus old", shortened(input.arms[1], kLabelBytes)),
               .unit = "percentage points",
               .min = {},
               .max = {},
               .percent = true,
               .include_zero = true};
    chart.lines = {{run::ReferenceLine::Kind::kVertical, 0, "not moved"}};
  } else {
    chart.x = {.title = "how much of an assignment changes: half the sum of the absolute changes of its probabilities",
               .unit = "",
               .min = with_zero ? std::optional<double>(0.0) : std::nullopt,
               .max = highest > 0.9 ? std::optional<double>(1.0) : std::nullopt,
               .percent = true};
  }
  return run::draw(chart);
}

}  // namespace gimbal::policy
