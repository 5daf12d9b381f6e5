// Draws DotPlot: labels at the left, points and intervals in the middle, the numbers at the right, group by group.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/run/chart_axis.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

constexpr double kEdge = 4;
constexpr double kIndent = 10;        // of rows below a group's heading
constexpr double kRowHeight = 24;     // of a row with one estimate
constexpr double kEstimateStep = 14;  // for each further one
constexpr double kHeadingHeight = 26;
constexpr double kNumberSize = 11.5;
constexpr std::size_t kMaxRows = 250;  // some 500 bytes a row: more would not fit kMaxSvgBytes, nor a page

bool has_interval(const DotEstimate& e) { return std::isfinite(e.lo) && std::isfinite(e.hi); }

// Decimals for all numbers of the chart: the interval in the middle gets two significant digits. Without intervals the largest
// value gets two.
int common_decimals(const DotPlot& chart) {
  const double scale = chart.x.percent ? 100 : 1;
  std::vector<double> widths;
  double largest = 0;
  for (const DotGroup& group : chart.groups) {
    for (const DotRow& row : group.rows) {
      for (const DotEstimate& e : row.estimates) {
        if (has_interval(e) && e.hi > e.lo) widths.push_back((e.hi - e.lo) * scale);
        if (std::isfinite(e.value)) largest = std::max(largest, std::abs(e.value) * scale);
      }
    }
  }
  double unit = largest;
  if (!widths.empty()) {
    const auto middle = widths.begin() + static_cast<std::ptrdiff_t>(widths.size() / 2);
    std::nth_element(widths.begin(), middle, widths.end());
    unit = *middle;
  }
  return unit > 0 ? std::clamp(static_cast<int>(std::ceil(1.2 - std::log10(unit))), 0, 9) : 0;
}

// "16.0 [13.7, 18.3]". Where fixed decimals would be unreadable (log and time axes, huge values), three significant digits.
std::string number_text(const DotEstimate& e, const Axis& axis, int decimals) {
  if (!std::isfinite(e.value)) return "";
  const double scale = axis.percent ? 100 : 1;
  const bool plain = axis.scale == Scale::kLinear && std::abs(e.value) * scale < 1e6 && decimals < 9;
  const auto number = [&](double v) {
    if (!plain) return axis_value(v, axis, 3);
    const std::string digits = fmt::format("{:.{}f}", std::abs(v * scale), decimals);
    return (v < 0 && digits.find_first_not_of("0.") != std::string::npos ? "\u2212" : "") + digits;
  };
  std::string text = number(e.value);
  if (has_interval(e)) text += fmt::format(" [{}, {}]", number(e.lo), number(e.hi));
  return plain && axis.percent ? text + " %" : text;
}

class DotDrawing {
 public:
  DotDrawing(const DotPlot& chart, double detail)
      : chart_(chart),
        width_(std::clamp(chart.width, 320.0, 4000.0)),
        decimals_(common_decimals(chart)),
        most_rows_(static_cast<std::size_t>(static_cast<double>(kMaxRows) * detail)) {
    if (detail < 1) svg_.drop_tool_tips();
  }

  void run() {
    std::string subtitle = chart_.subtitle;
    std::size_t total = 0;
    for (const DotGroup& group : chart_.groups) total += group.rows.size();
    if (total > most_rows_)
      subtitle += fmt::format("{}The first {} of {} rows are drawn.", subtitle.empty() ? "" : " ", most_rows_, total);
    double y = draw_heading(svg_, width_, chart_.title, subtitle);
    y = draw_legend(svg_, width_, y, legend());
    measure();
    const double top = y + (chart_.zero_label.empty() ? 4 : 18);
    const double bottom = top + rows_height();
    draw_grid(top, bottom);
    y = top;
    std::size_t drawn = 0;
    for (const DotGroup& group : chart_.groups) {
      if (drawn >= most_rows_) break;
      if (!group.label.empty()) {
        svg_.text(kEdge, y + 18, elide(group.label, 12, width_ - 2 * kEdge, true),
                  {.bold = true, .css = "tx ha", .full = group.label});
        y += kHeadingHeight;
      }
      for (const DotRow& row : group.rows) {
        if (drawn++ >= most_rows_) break;
        const double height = row_height(row);
        draw_row(row, y, height, group.label.empty() ? 0 : kIndent);
        y += height;
      }
    }
    if (drawn == 0) draw_no_data(svg_, left_, top, right_ - left_, bottom - top);
    height_ = draw_axis(bottom);
  }

  const SvgWriter& svg() const { return svg_; }
  double width() const { return width_; }
  double height() const { return height_; }

 private:
  std::vector<LegendItem> legend() const {
    std::vector<LegendItem> items;
    for (std::size_t k = 0; k < chart_.series.size(); ++k) {
      items.push_back({.label = chart_.series[k],
                       .colour = static_cast<int>(k),
                       .line = true,
                       .width = 1.8,
                       .marker = resolve_marker(Marker::kAuto, static_cast<int>(k))});
    }
    return items;
  }

  // Estimates that are joined lie on one line.
  std::size_t lanes(const DotRow& row) const { return chart_.connect ? 1 : std::max<std::size_t>(1, row.estimates.size()); }
  double row_height(const DotRow& row) const {
    const double lines = static_cast<double>(wrap_text(row.label, 12, label_width_, 2, row.strong).size());
    return std::max(kRowHeight + kEstimateStep * static_cast<double>(lanes(row) - 1), 10 + 14 * lines);
  }
  double rows_height() const {
    double height = 0;
    std::size_t drawn = 0;
    for (const DotGroup& group : chart_.groups) {
      if (drawn >= most_rows_) break;
      height += group.label.empty() ? 0 : kHeadingHeight;
      for (const DotRow& row : group.rows) {
        if (drawn++ >= most_rows_) break;
        height += row_height(row);
      }
    }
    return std::max(height, 40.0);
  }

  std::string right_text(const DotRow& row, std::size_t lane) const {
    if (!row.note.empty()) return lane == 0 ? row.note : "";
    if (!chart_.numbers) return "";
    if (!chart_.connect) return lane < row.estimates.size() ? number_text(row.estimates[lane], chart_.x, decimals_) : "";
    std::string text;
    for (const DotEstimate& e : row.estimates) text += (text.empty() ? "" : " → ") + number_text(e, chart_.x, decimals_);
    return text;
  }

  void measure() {
    Extent extent;
    const auto add = [&](double v) {
      if (drawable(v, chart_.x.scale)) extent.add(v);
    };
    double numbers = 0, labels = 0;
    for (const DotGroup& group : chart_.groups) {
      for (const DotRow& row : group.rows) {
        labels = std::max(labels, text_width(row.label, 12, row.strong) + (group.label.empty() ? 0 : kIndent));
        for (std::size_t k = 0; k < lanes(row); ++k)
          numbers = std::max(numbers, text_width(right_text(row, k), kNumberSize, row.strong));
        for (const DotEstimate& e : row.estimates)
          for (const double v : {e.value, e.lo, e.hi}) add(v);
      }
    }
    if (chart_.zero) add(*chart_.zero);
    x_ = AxisScale(chart_.x, extent, 0.05);
    label_width_ = std::min(labels + 1, 0.34 * width_) - (has_headings() ? kIndent : 0);
    left_ = kEdge + std::min(labels + 1, 0.34 * width_) + 14;
    right_width_ = std::min(numbers, 0.36 * width_);
    right_ = width_ - kEdge - (right_width_ > 0 ? right_width_ + 12 : 8);
    x_.place(left_ + 4, right_ - 4);
  }

  bool has_headings() const {
    return std::any_of(chart_.groups.begin(), chart_.groups.end(), [](const DotGroup& g) { return !g.label.empty(); });
  }

  void draw_grid(double top, double bottom) {
    ticks_ = fitting_ticks(x_, left_, right_, width_);
    SvgPath grid;
    for (const Tick& tick : ticks_) {
      if (tick.label.empty()) continue;
      grid.move_to(x_.pixel(tick.value), top);
      grid.line_to(x_.pixel(tick.value), bottom);
    }
    svg_.path(grid.text(), "gr");
    if (chart_.zero && x_.drawable(*chart_.zero)) {
      const double x = x_.pixel(*chart_.zero);
      if (x >= left_ && x <= right_) {
        svg_.line(x, top - 2, x, bottom, "ci ls", "stroke-width=\"1.2\" stroke-opacity=\"0.75\"");
        const std::string label = elide(chart_.zero_label, kNumberSize, width_ - 2 * kEdge);
        const double w = text_width(label, kNumberSize);
        const double centre = std::clamp(x, kEdge + w / 2, std::max(kEdge + w / 2, width_ - kEdge - w / 2));
        svg_.text(centre, top - 6, label,
                  {.size = kNumberSize, .anchor = Anchor::kMiddle, .css = "mu", .full = chart_.zero_label});
      }
    }
    svg_.line(left_, bottom, right_, bottom, "ax");
  }

  double draw_axis(double bottom) {
    SvgPath marks;
    for (const Tick& tick : ticks_) {
      const double x = x_.pixel(tick.value);
      marks.move_to(x, bottom);
      marks.line_to(x, bottom + (tick.label.empty() ? 3 : 5));
    }
    svg_.path(marks.text(), "ax");
    return draw_horizontal_axis(svg_, x_, ticks_, left_, right_, width_, bottom);
  }

  void draw_row(const DotRow& row, double y, double height, double indent) {
    const double middle = y + height / 2;
    const std::vector<std::string> lines = wrap_text(row.label, 12, label_width_, 2, row.strong);
    for (std::size_t k = 0; k < lines.size(); ++k) {
      svg_.text(kEdge + indent, middle + 4 + 14 * (static_cast<double>(k) - 0.5 * static_cast<double>(lines.size() - 1)),
                lines[k],
                {.bold = row.strong, .full = lines.back().ends_with("…") ? std::string_view(row.label) : std::string_view{}});
    }
    const double first = middle - 0.5 * kEstimateStep * static_cast<double>(lanes(row) - 1);
    if (chart_.connect) {
      connect(row, middle);
      for (std::size_t k = 0; k < row.estimates.size(); ++k) draw_estimate(row, k, middle);
    }
    for (std::size_t k = 0; k < lanes(row); ++k) {
      const double at = first + kEstimateStep * static_cast<double>(k);
      if (!chart_.connect && k < row.estimates.size()) draw_estimate(row, k, at);
      const std::string text = right_text(row, k);
      svg_.text(
          width_ - kEdge, (row.note.empty() ? at : middle) + 4, elide(text, kNumberSize, right_width_ + 1, row.strong),
          {.size = kNumberSize, .bold = row.strong, .anchor = Anchor::kEnd, .css = row.strong ? "tx" : "mu", .full = text});
    }
  }

  void connect(const DotRow& row, double y) {
    SvgPath path;
    for (const DotEstimate& e : row.estimates) {
      const double x = std::clamp(x_.pixel(e.value), left_, right_);
      if (!std::isnan(x)) path.empty() ? path.move_to(x, y) : path.line_to(x, y);
    }
    svg_.path(path.text(), "ax", "stroke-width=\"1.6\"");
  }

  void draw_estimate(const DotRow& row, std::size_t k, double y) {
    const DotEstimate& e = row.estimates[k];
    const int colour = static_cast<int>(k);
    const double width = row.strong ? 2.6 : 1.8;
    if (x_.drawable(e.lo) && x_.drawable(e.hi)) {
      const double lo = std::clamp(x_.pixel(e.lo), left_, right_), hi = std::clamp(x_.pixel(e.hi), left_, right_);
      SvgPath bar;
      bar.move_to(lo, y);
      bar.line_to(hi, y);
      // A cap where the interval ends, an arrow head where the axis ends before it.
      const auto end = [&](double x, bool cut, double towards) {
        bar.move_to(cut ? x - 5 * towards : x, y - 4);
        if (cut) bar.line_to(x, y);
        bar.line_to(cut ? x - 5 * towards : x, y + 4);
      };
      end(lo, x_.pixel(e.lo) < left_, -1);
      end(hi, x_.pixel(e.hi) > right_, 1);
      svg_.path(bar.text(), "ls " + colour_class(colour), fmt::format("stroke-width=\"{}\"", coordinate(width)));
    }
    const double x = x_.pixel(e.value);
    if (!std::isnan(x) && x >= left_ && x <= right_)
      draw_marker(svg_, resolve_marker(Marker::kAuto, colour), colour, x, y, row.strong ? 5.5 : 4.5);
  }

  const DotPlot& chart_;
  double width_, height_ = 0;
  int decimals_;
  std::size_t most_rows_;
  double label_width_ = 0, left_ = 0, right_ = 0, right_width_ = 0;
  AxisScale x_;
  std::vector<Tick> ticks_;
  SvgWriter svg_;
};

ReportTable dot_numbers(const DotPlot& chart) {
  ReportTable table;
  const bool grouped =
      std::any_of(chart.groups.begin(), chart.groups.end(), [](const DotGroup& g) { return !g.label.empty(); });
  if (grouped) table.columns.push_back({"group", "", Align::kLeft});
  table.columns.push_back({"", "", Align::kLeft});
  if (!chart.series.empty()) table.columns.push_back({"estimate", "", Align::kLeft});
  table.columns.push_back({chart.x.title.empty() ? "value" : chart.x.title, chart.x.unit, Align::kAuto});
  table.columns.push_back({"low", chart.x.unit, Align::kAuto});
  table.columns.push_back({"high", chart.x.unit, Align::kAuto});
  std::size_t total = 0;
  for (const DotGroup& group : chart.groups) {
    for (const DotRow& row : group.rows) {
      for (std::size_t k = 0; k < row.estimates.size(); ++k) {
        if (++total > kMaxTableRows) continue;
        std::vector<std::string> cells;
        if (grouped) cells.push_back(group.label);
        cells.push_back(row.label);
        if (!chart.series.empty()) cells.push_back(chart.series[k]);
        for (const double v : {row.estimates[k].value, row.estimates[k].lo, row.estimates[k].hi})
          cells.push_back(axis_value(v, chart.x));
        table.rows.push_back(std::move(cells));
      }
    }
  }
  if (total > kMaxTableRows) table.notes.push_back(fmt::format("The first {} of {} estimates.", kMaxTableRows, total));
  return table;
}

std::string dot_description(const DotPlot& chart) {
  const int decimals = common_decimals(chart);
  std::string text = "Estimates with intervals: " + (chart.x.title.empty() ? std::string("value") : chart.x.title) + ".";
  for (const DotGroup& group : chart.groups) {
    for (const DotRow& row : group.rows) {
      if (text.size() > 1500) return text;
      for (const DotEstimate& e : row.estimates)
        text += " " + shorten(row.label, 60) + " " + number_text(e, chart.x, decimals) + ".";
    }
  }
  return text;
}

}  // namespace

Chart draw(const DotPlot& chart) {
  for (const DotGroup& group : chart.groups) {
    for (const DotRow& row : group.rows) {
      GIMBAL_CHECK(row.estimates.size() <= std::max<std::size_t>(1, chart.series.size()),
                   "a row has more estimates than the chart has series");
    }
  }
  const DotDrawing drawing = draw_to_fit<DotDrawing>(chart);
  return finish_chart(drawing.svg(), drawing.width(), drawing.height(), chart.title,
                      chart.description.empty() ? dot_description(chart) : chart.description, dot_numbers(chart));
}

}  // namespace gimbal::run
