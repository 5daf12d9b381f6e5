#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/chart_xy.h"

namespace gimbal::run {
namespace {

std::string heading(const Axis& axis, std::string_view otherwise) {
  return axis.title.empty() ? std::string(otherwise) : axis.title;
}
std::string unit_of(const Axis& axis) { return axis.scale == Scale::kTime ? "UTC" : axis.unit; }

// The labels of all bands in the chart, in order of appearance.
std::vector<std::string> band_labels(const XyChart& chart) {
  std::vector<std::string> labels;
  for (const Panel& panel : chart.panels)
    for (const Series& series : panel.series)
      for (const Band& band : series.bands)
        if (std::find(labels.begin(), labels.end(), band.label) == labels.end()) labels.push_back(band.label);
  return labels;
}

// `count` of n indices, spread evenly, both ends among them.
std::vector<std::size_t> spread(std::size_t n, std::size_t count) {
  std::vector<std::size_t> index;
  if (n <= count) {
    for (std::size_t i = 0; i < n; ++i) index.push_back(i);
  } else if (count == 1) {
    index.push_back(0);
  } else {
    for (std::size_t k = 0; k < count; ++k) index.push_back(k * (n - 1) / (count - 1));
  }
  return index;
}

}  // namespace

ReportTable xy_numbers(const XyChart& chart) {
  ReportTable table;
  const std::vector<std::string> bands = band_labels(chart);
  const bool several = chart.panels.size() > 1;
  if (several) table.columns.push_back({"quantity", "", Align::kLeft});
  table.columns.push_back({"series", "", Align::kLeft});
  table.columns.push_back({heading(chart.x, "x"), unit_of(chart.x), Align::kAuto});
  const Axis first_y = chart.panels.empty() ? Axis{} : chart.panels[0].y;
  table.columns.push_back({several ? "value" : heading(first_y, "y"), several ? "" : unit_of(first_y), Align::kAuto});
  for (const std::string& band : bands) {
    const std::string name = band.empty() ? "band" : band;
    table.columns.push_back({name + ", low", "", Align::kAuto});
    table.columns.push_back({name + ", high", "", Align::kAuto});
  }
  std::size_t total = 0, series_count = 0;
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      total += series.x.size();
      series_count += series.x.empty() ? 0 : 1;
    }
  }
  std::size_t left_out = 0;
  const auto start_row = [&](const Panel& panel, const std::string& label, double x, double y) {
    std::vector<std::string> row;
    if (several) row.push_back(heading(panel.y, "y") + (panel.y.unit.empty() ? "" : " (" + panel.y.unit + ")"));
    row.push_back(label);
    row.push_back(axis_value(x, chart.x));
    row.push_back(axis_value(y, panel.y));
    return row;
  };
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      const std::size_t n = series.x.size();
      if (n == 0 || table.rows.size() >= kMaxTableRows) continue;
      // Long charts share the rows among their series.
      const std::size_t share =
          total <= kMaxTableRows ? n : std::max<std::size_t>(2, kMaxTableRows / std::max<std::size_t>(1, series_count));
      const std::vector<std::size_t> index = spread(n, std::min(share, kMaxTableRows - table.rows.size()));
      left_out += n - index.size();
      for (const std::size_t i : index) {
        std::vector<std::string> row = start_row(panel, series.label, series.x[i], series.y[i]);
        for (const std::string& label : bands) {
          const auto band =
              std::find_if(series.bands.begin(), series.bands.end(), [&](const Band& b) { return b.label == label; });
          row.push_back(band == series.bands.end() ? "" : axis_value(band->lo[i], panel.y));
          row.push_back(band == series.bands.end() ? "" : axis_value(band->hi[i], panel.y));
        }
        table.rows.push_back(std::move(row));
      }
    }
    for (const Mark& mark : panel.marks) {
      if (table.rows.size() >= kMaxTableRows) break;
      std::vector<std::string> row = start_row(panel, mark.label, mark.x, mark.y);
      const auto interval = [](double lo, double hi, const Axis& axis) {
        return std::isfinite(lo) && std::isfinite(hi) ? fmt::format(" [{}, {}]", axis_value(lo, axis), axis_value(hi, axis))
                                                      : "";
      };
      row[row.size() - 2] += interval(mark.x_lo, mark.x_hi, chart.x);
      row.back() += interval(mark.y_lo, mark.y_hi, panel.y);
      row.resize(table.columns.size());
      table.rows.push_back(std::move(row));
    }
  }
  if (left_out > 0) table.notes.push_back(fmt::format("{} of {} points, spread evenly.", total - left_out, total));
  return table;
}

std::string xy_description(const XyChart& chart) {
  std::string text;
  const auto range = [&](const Axis& axis, const Extent& extent) {
    std::string out = heading(axis, "value") + (axis.unit.empty() ? "" : " (" + axis.unit + ")");
    if (!extent.empty()) out += fmt::format(" from {} to {}", axis_value(extent.lo, axis), axis_value(extent.hi, axis));
    return out;
  };
  Extent x;
  for (const Panel& panel : chart.panels)
    for (const Series& series : panel.series)
      for (const double value : series.x)
        if (drawable(value, chart.x.scale)) x.add(value);
  text += "Horizontal: " + range(chart.x, x) + ".";
  for (const Panel& panel : chart.panels) {
    Extent y;
    std::string names;
    for (const Series& series : panel.series) {
      for (const double value : series.y)
        if (drawable(value, panel.y.scale)) y.add(value);
      if (!series.label.empty()) names += (names.empty() ? "" : ", ") + shorten(series.label, 60);
    }
    text += " Vertical: " + range(panel.y, y) + ".";
    if (!names.empty()) text += " Series: " + names + ".";
    for (const Mark& mark : panel.marks) {
      text += fmt::format(" {} at {}, {}.", mark.label.empty() ? "Mark" : shorten(mark.label, 60), axis_value(mark.x, chart.x),
                          axis_value(mark.y, panel.y));
    }
    for (const ReferenceLine& line : panel.lines) {
      if (!line.label.empty()) text += " Reference line: " + shorten(line.label, 60) + ".";
    }
  }
  return text;
}

}  // namespace gimbal::run
