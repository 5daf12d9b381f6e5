// Draws DistributionChart: bins, densities and ECDFs become series of an XyChart; the numbers are the bins or the quantiles.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/chart_xy.h"

namespace gimbal::run {
namespace {

// A sample's drawable values in order, on the axis' own scale (log10 on a log axis), with weights that sum to `total`.
struct Sorted {
  std::vector<double> x;
  std::vector<double> weight;
  double total = 0;
};

double forward(double x, Scale scale) { return scale == Scale::kLog ? std::log10(x) : x; }
double backward(double t, Scale scale) { return scale == Scale::kLog ? std::pow(10.0, t) : t; }

Sorted sort_sample(const Sample& sample, Scale scale) {
  GIMBAL_CHECK(sample.weights.empty() || sample.weights.size() == sample.values.size(),
               "a sample needs as many weights as values");
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < sample.values.size(); ++i) {
    const double w = sample.weights.empty() ? 1.0 : sample.weights[i];
    if (drawable(sample.values[i], scale) && std::isfinite(w) && w > 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sample.values[a] != sample.values[b] ? sample.values[a] < sample.values[b] : a < b;
  });
  Sorted sorted;
  for (const std::size_t i : order) {
    sorted.x.push_back(forward(sample.values[i], scale));
    sorted.weight.push_back(sample.weights.empty() ? 1.0 : sample.weights[i]);
    sorted.total += sorted.weight.back();
  }
  return sorted;
}

// The smallest value with at least the share p of the weight at or below it.
double at_share(const Sorted& s, double p) {
  double sum = 0;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    sum += s.weight[i];
    if (sum >= p * s.total * (1 - 1e-12)) return s.x[i];
  }
  return s.x.back();
}

double kish_size(const Sorted& s) {
  double squares = 0;
  for (const double w : s.weight) squares += w * w;
  return squares > 0 ? s.total * s.total / squares : 0;
}

double spread_of(const Sorted& s) {
  double mean = 0, square = 0;
  for (std::size_t i = 0; i < s.x.size(); ++i) mean += s.weight[i] * s.x[i] / s.total;
  for (std::size_t i = 0; i < s.x.size(); ++i) square += s.weight[i] * (s.x[i] - mean) * (s.x[i] - mean) / s.total;
  return std::sqrt(square);
}

// Common edges for all samples, on the axis' own scale: equal widths of 1, 2 or 5 times a power of ten on a linear axis.
std::vector<double> bin_edges(const std::vector<Sorted>& samples, const DistributionChart& chart) {
  Extent extent;
  double width = std::numeric_limits<double>::infinity();
  bool whole = chart.x.scale == Scale::kLinear;
  for (const Sorted& s : samples) {
    if (s.x.empty()) continue;
    extent.add(s.x.front());
    extent.add(s.x.back());
    whole = whole && std::all_of(s.x.begin(), s.x.end(), [](double v) { return v == std::floor(v); });
    const double range = at_share(s, 0.75) - at_share(s, 0.25);
    if (range > 0) width = std::min(width, 2 * range / std::cbrt(kish_size(s)));
  }
  if (extent.empty()) return {};
  const double span = extent.hi - extent.lo;
  if (!(span > 1e-12 * std::max(std::abs(extent.lo), std::abs(extent.hi)))) {
    const double half = extent.lo == 0 || chart.x.scale == Scale::kLog ? 0.5 : 0.05 * std::abs(extent.lo);
    return {extent.lo - half, extent.lo + half};
  }
  const double wanted = chart.bins > 0 ? std::min(chart.bins, 500) : std::clamp(span / width, 8.0, 60.0);
  std::vector<double> edges;
  if (chart.bins > 0 || chart.x.scale != Scale::kLinear) {
    const int n = std::max(1, static_cast<int>(std::lround(wanted)));
    for (int k = 0; k <= n; ++k) edges.push_back(extent.lo + span * k / n);
    return edges;
  }
  // Counts of few distinct whole numbers get one bin each, centred.
  if (whole && span <= 40) {
    for (double edge = extent.lo - 0.5; edge <= extent.hi + 0.75; ++edge) edges.push_back(edge);
    return edges;
  }
  const std::vector<Tick> ticks = linear_ticks(extent.lo, extent.hi, static_cast<int>(std::lround(wanted)));
  const double step = ticks.size() > 1 ? ticks[1].value - ticks[0].value : span;
  const double first = std::floor(extent.lo / step + 1e-9);
  for (double k = first; edges.size() < 2 || edges.back() < extent.hi - step * 1e-9; ++k) edges.push_back(k * step);
  return edges;
}

// The weight in each bin; a bin holds its left edge, the last one its right edge too.
std::vector<double> bin_weights(const Sorted& s, const std::vector<double>& edges) {
  std::vector<double> weights(edges.size() - 1);
  std::size_t bin = 0;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    while (bin + 1 < weights.size() && s.x[i] >= edges[bin + 1]) ++bin;
    weights[bin] += s.weight[i];
  }
  return weights;
}

// Up, along and down each bar, so that single bars keep their sides; an outline alone for several samples.
Series bars(const Sample& sample, const std::vector<double>& edges, const std::vector<double>& heights, Scale scale,
            bool sides) {
  Series series{.label = sample.label,
                .x = {},
                .y = {},
                .bands = {},
                .style = {.dash = sides ? Dash::kSolid : Dash::kAuto, .width = sides ? 1.2 : 1.8, .fill = true}};
  const auto point = [&](double edge, double height) {
    series.x.push_back(backward(edge, scale));
    series.y.push_back(height);
  };
  for (std::size_t k = 0; k < heights.size(); ++k) {
    if (k == 0 || sides) point(edges[k], 0);
    point(edges[k], heights[k]);
    point(edges[k + 1], heights[k]);
    if (k + 1 == heights.size() || sides) point(edges[k + 1], 0);
  }
  return series;
}

// Gaussian kernels on a grid of 512 places: the weights are split between the two nearest places, then smoothed.
Series density(const Sample& sample, const Sorted& s, Scale scale) {
  Series series{.label = sample.label, .x = {}, .y = {}, .bands = {}, .style = {.fill = true}};
  if (s.x.empty()) return series;
  const double iqr = at_share(s, 0.75) - at_share(s, 0.25);
  double sigma = spread_of(s);
  if (iqr > 0) sigma = std::min(sigma, iqr / 1.34);
  if (!(sigma > 0)) sigma = s.x.front() == 0 ? 0.5 : 0.05 * std::abs(s.x.front());  // a single value: a narrow bell around it
  const double bandwidth = 0.9 * sigma * std::pow(kish_size(s), -0.2);
  constexpr std::size_t kGrid = 512;
  const double lo = s.x.front() - 3 * bandwidth, hi = s.x.back() + 3 * bandwidth;
  const double step = (hi - lo) / (kGrid - 1);
  std::vector<double> mass(kGrid), smooth(kGrid);
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    const double at = std::clamp((s.x[i] - lo) / step, 0.0, kGrid - 1.000001);
    const auto cell = static_cast<std::size_t>(at);
    mass[cell] += s.weight[i] / s.total * (static_cast<double>(cell) + 1 - at);
    mass[cell + 1] += s.weight[i] / s.total * (at - static_cast<double>(cell));
  }
  // A bell narrower than the grid is widened to it, so that no mass falls between two places.
  const double width = std::max(bandwidth, step);
  const auto reach = static_cast<std::size_t>(std::ceil(4 * width / step));
  for (std::size_t i = 0; i < kGrid; ++i) {
    if (mass[i] == 0) continue;
    for (std::size_t j = i > reach ? i - reach : 0; j < std::min(kGrid, i + reach + 1); ++j) {
      const double u = (static_cast<double>(j) - static_cast<double>(i)) * step / width;
      smooth[j] += mass[i] * std::exp(-0.5 * u * u) / (width * std::sqrt(2 * std::numbers::pi));
    }
  }
  for (std::size_t k = 0; k < kGrid; ++k) {
    series.x.push_back(backward(lo + step * static_cast<double>(k), scale));
    series.y.push_back(smooth[k]);
  }
  return series;
}

Series ecdf(const Sample& sample, const Sorted& s, Scale scale) {
  Series series{.label = sample.label, .x = {}, .y = {}, .bands = {}, .style = {.step = true}};
  double sum = 0;
  for (std::size_t i = 0; i < s.x.size(); ++i) {
    if (i == 0) {
      series.x.push_back(backward(s.x[i], scale));
      series.y.push_back(0);
    }
    sum += s.weight[i];
    if (i + 1 < s.x.size() && s.x[i + 1] == s.x[i]) continue;
    series.x.push_back(backward(s.x[i], scale));
    series.y.push_back(sum / s.total);
  }
  return series;
}

ReportTable bin_table(const DistributionChart& chart, const std::vector<double>& edges,
                      const std::vector<std::vector<double>>& weights, const std::vector<Sorted>& samples) {
  ReportTable table;
  table.columns = {{"from", chart.x.unit, Align::kAuto}, {"below", chart.x.unit, Align::kAuto}};
  for (const Sample& sample : chart.samples) {
    const std::string label = sample.label.empty() ? (chart.what.empty() ? "count" : chart.what) : sample.label;
    table.columns.push_back({label, "", Align::kAuto});
    table.columns.push_back({"share", "", Align::kAuto});
  }
  for (std::size_t k = 0; k + 1 < edges.size() && table.rows.size() < kMaxTableRows; ++k) {
    std::vector<std::string> row = {axis_value(backward(edges[k], chart.x.scale), chart.x),
                                    axis_value(backward(edges[k + 1], chart.x.scale), chart.x)};
    for (std::size_t i = 0; i < samples.size(); ++i) {
      row.push_back(format_significant(weights[i][k], 6));
      row.push_back(samples[i].total > 0 ? fmt::format("{:.1f} %", 100 * weights[i][k] / samples[i].total) : "");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable quantile_table(const DistributionChart& chart, const std::vector<Sorted>& samples) {
  ReportTable table;
  table.columns = {{"share at or below", "", Align::kAuto}};
  for (const Sample& sample : chart.samples)
    table.columns.push_back({sample.label.empty() ? chart.x.title : sample.label, chart.x.unit, Align::kAuto});
  for (const double p : {0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0}) {
    std::vector<std::string> row = {fmt::format("{:.0f} %", 100 * p)};
    for (const Sorted& s : samples)
      row.push_back(s.x.empty() ? "" : axis_value(backward(at_share(s, p), chart.x.scale), chart.x));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string distribution_description(const DistributionChart& chart, const std::vector<Sorted>& samples) {
  std::string text = "Distribution of " + (chart.x.title.empty() ? std::string("values") : chart.x.title) + ".";
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const Sorted& s = samples[i];
    if (s.x.empty()) continue;
    const auto value = [&](double p) { return axis_value(backward(at_share(s, p), chart.x.scale), chart.x); };
    text += fmt::format(" {}{} values, median {}, from {} to {}.",
                        chart.samples[i].label.empty() ? "" : shorten(chart.samples[i].label, 60) + ": ", s.x.size(),
                        value(0.5), value(0), value(1));
  }
  return text;
}

}  // namespace

Chart draw(const DistributionChart& chart) {
  const Scale scale = chart.x.scale;
  std::vector<Sorted> samples;
  for (const Sample& sample : chart.samples) samples.push_back(sort_sample(sample, scale));
  const std::string what = chart.what.empty() ? "" : " of " + chart.what;
  Panel panel{.y = {.title = "share" + what, .unit = "", .scale = Scale::kLinear, .min = 0.0, .max = {}, .percent = true},
              .series = {},
              .guides = {},
              .lines = chart.lines,
              .marks = {},
              .height = chart.height};
  ReportTable numbers;
  switch (chart.kind) {
    case DistributionChart::Kind::kHistogram: {
      const std::vector<double> edges = bin_edges(samples, chart);
      std::vector<std::vector<double>> weights;
      for (std::size_t i = 0; i < samples.size() && !edges.empty(); ++i) {
        weights.push_back(bin_weights(samples[i], edges));
        std::vector<double> heights = weights.back();
        if (!chart.counts && samples[i].total > 0) {
          for (double& h : heights) h /= samples[i].total;
        }
        panel.series.push_back(bars(chart.samples[i], edges, heights, scale, samples.size() == 1));
      }
      if (chart.counts) {
        panel.y.title = chart.what.empty() ? "count" : chart.what;
        panel.y.unit = chart.what.empty() ? "" : "count";
        panel.y.percent = false;
      } else {
        panel.y.unit = "in each bin";
      }
      numbers = bin_table(chart, edges, weights, samples);
      break;
    }
    case DistributionChart::Kind::kDensity:
      for (std::size_t i = 0; i < samples.size(); ++i) panel.series.push_back(density(chart.samples[i], samples[i], scale));
      panel.y.title = "density" + what;
      panel.y.unit = scale == Scale::kLog ? "per decade" : "per " + (chart.x.unit.empty() ? std::string("unit") : chart.x.unit);
      panel.y.percent = false;
      numbers = quantile_table(chart, samples);
      break;
    case DistributionChart::Kind::kEcdf:
      for (std::size_t i = 0; i < samples.size(); ++i) panel.series.push_back(ecdf(chart.samples[i], samples[i], scale));
      panel.y.unit = "at or below";
      panel.y.max = 1.0;
      numbers = quantile_table(chart, samples);
      break;
  }
  // A lone sample needs no legend: the axes and the title say what it is.
  if (panel.series.size() == 1) panel.series[0].label.clear();
  const std::string description = chart.description.empty() ? distribution_description(chart, samples) : chart.description;
  Chart drawn = draw(XyChart{.title = chart.title,
                             .subtitle = chart.subtitle,
                             .description = description,
                             .x = chart.x,
                             .panels = {std::move(panel)},
                             .width = chart.width});
  drawn.numbers = std::move(numbers);
  return drawn;
}

}  // namespace gimbal::run
