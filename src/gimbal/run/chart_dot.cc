// Draws DotPlot: labels at the left, points and intervals in the middle, the numbers at the right, group by group.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
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

std::string number_text(const DotEstimate& e, const Axis& axis) {
  if (!std::isfinite(e.value)) return "";
  Axis plain = axis;
  plain.percent = false;
  // All three numbers with the decimals that the interval deserves.
  const double scale = axis.percent ? 100 : 1;
  const double width = std::isfinite(e.lo) && std::isfinite(e.hi) ? e.hi - e.lo : std::abs(e.value);
  if (axis.scale != Scale::kLinear || !(width * scale > 1e-6) || std::abs(e.value * scale) >= 1e6) {
    return axis_value(e.value, axis, 3) + (std::isfinite(e.lo) && std::isfinite(e.hi)
                                               ? fmt::format(" [{}, {}]", axis_value(e.lo, axis, 3), axis_value(e.hi, axis, 3))
                                               : "");
  }
  const int decimals = std::clamp(static_cast<int>(std::ceil(1.3 - std::log10(width * scale))), 0, 6);
  const auto fixed = [&](double v) {
    std::string text = fmt::format("{:.{}f}", std::abs(v * scale), decimals);
    return (v < 0 && text.find_first_not_of("0.") != std::string::npos ? "\u2212" : "") + text;
  };
  std::string text = fixed(e.value);
  if (std::isfinite(e.lo) && std::isfinite(e.hi)) text += fmt::format(" [{}, {}]", fixed(e.lo), fixed(e.hi));
  return text + (axis.percent ? " %" : "");
}

class DotDrawing {
 public:
  explicit DotDrawing(const DotPlot& chart) : chart_(chart), width_(std::clamp(chart.width, 320.0, 4000.0)) {}

  void run() {
    std::string subtitle = chart_.subtitle;
    std::size_t total = 0;
    for (const DotGroup& group : chart_.groups) total += group.rows.size();
    if (total > kMaxRows)
      subtitle += fmt::format("{}The first {} of {} rows are drawn.", subtitle.empty() ? "" : " ", kMaxRows, total);
    double y = draw_heading(svg_, width_, chart_.title, subtitle);
    y = draw_legend(svg_, width_, y, legend());
    measure();
    const double top = y + (chart_.zero_label.empty() ? 4 : 18);
    const double bottom = top + rows_height();
    draw_grid(top, bottom);
    y = top;
    std::size_t drawn = 0;
    for (const DotGroup& group : chart_.groups) {
      if (drawn >= kMaxRows) break;
      if (!group.label.empty()) {
        svg_.text(kEdge, y + 18, elide(group.label, 12, width_ - 2 * kEdge, true),
                  {.bold = true, .css = "tx ha", .full = group.label});
        y += kHeadingHeight;
      }
      for (const DotRow& row : group.rows) {
        if (drawn++ >= kMaxRows) break;
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

  std::size_t lanes(const DotRow& row) const { return std::max<std::size_t>(1, row.estimates.size()); }
  double row_height(const DotRow& row) const {
    const double lines = static_cast<double>(wrap_text(row.label, 12, label_width_, 2, row.strong).size());
    return std::max(kRowHeight + kEstimateStep * static_cast<double>(lanes(row) - 1), 10 + 14 * lines);
  }
  double rows_height() const {
    double height = 0;
    std::size_t drawn = 0;
    for (const DotGroup& group : chart_.groups) {
      if (drawn >= kMaxRows) break;
      height += group.label.empty() ? 0 : kHeadingHeight;
      for (const DotRow& row : group.rows) {
        if (drawn++ >= kMaxRows) break;
        height += row_height(row);
      }
    }
    return std::max(height, 40.0);
  }

  std::string right_text(const DotRow& row, std::size_t lane) const {
    if (!row.note.empty()) return lane == 0 ? row.note : "";
    return chart_.numbers && lane < row.estimates.size() ? number_text(row.estimates[lane], chart_.x) : "";
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
    for (int wanted = std::max(2, static_cast<int>((right_ - left_) / 55)); wanted >= 1; --wanted) {
      ticks_ = x_.ticks(wanted);
      double free_from = -1e9;
      bool fits = true;
      for (const Tick& tick : ticks_) {
        if (tick.label.empty()) continue;
        const double w = text_width(tick.label, {.exponent = tick.exponent});
        fits = fits && x_.pixel(tick.value) - w / 2 >= free_from;
        free_from = x_.pixel(tick.value) + w / 2 + 12;
      }
      if (fits) break;
    }
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
        const double w = text_width(chart_.zero_label, kNumberSize);
        const double centre = std::clamp(x, kEdge + w / 2, std::max(kEdge + w / 2, width_ - kEdge - w / 2));
        svg_.text(centre, top - 6, elide(chart_.zero_label, kNumberSize, width_ - 2 * kEdge),
                  {.size = kNumberSize, .anchor = Anchor::kMiddle, .css = "mu"});
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
      svg_.text(x, bottom + 18, tick.label, {.anchor = Anchor::kMiddle, .css = "mu", .exponent = tick.exponent});
    }
    svg_.path(marks.text(), "ax");
    double y = bottom + 24;
    for (const std::string& line : wrap_text(x_.title(), 12, width_ - 2 * kEdge, 2)) {
      y += 16;
      const double w = text_width(line, 12);
      svg_.text(std::clamp((left_ + right_) / 2, kEdge + w / 2, std::max(kEdge + w / 2, width_ - kEdge - w / 2)), y - 3, line,
                {.anchor = Anchor::kMiddle});
    }
    return y + 6;
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
    if (chart_.connect) connect(row, first);
    for (std::size_t k = 0; k < lanes(row); ++k) {
      const double at = first + kEstimateStep * static_cast<double>(k);
      if (k < row.estimates.size()) draw_estimate(row, k, at);
      const std::string text = right_text(row, k);
      svg_.text(
          width_ - kEdge, (row.note.empty() ? at : middle) + 4, elide(text, kNumberSize, right_width_ + 1, row.strong),
          {.size = kNumberSize, .bold = row.strong, .anchor = Anchor::kEnd, .css = row.strong ? "tx" : "mu", .full = text});
    }
  }

  void connect(const DotRow& row, double first) {
    SvgPath path;
    for (std::size_t k = 0; k < row.estimates.size(); ++k) {
      const double x = x_.pixel(row.estimates[k].value), y = first + kEstimateStep * static_cast<double>(k);
      if (std::isnan(x)) continue;
      path.empty() ? path.move_to(x, y) : path.line_to(x, y);
    }
    svg_.path(path.text(), "ax");
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
  std::string text = "Estimates with intervals: " + (chart.x.title.empty() ? std::string("value") : chart.x.title) + ".";
  for (const DotGroup& group : chart.groups) {
    for (const DotRow& row : group.rows) {
      if (text.size() > 1500) return text;
      for (const DotEstimate& e : row.estimates) text += " " + shorten(row.label, 60) + " " + number_text(e, chart.x) + ".";
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
  DotDrawing drawing(chart);
  drawing.run();
  return finish_chart(drawing.svg(), drawing.width(), drawing.height(), chart.title,
                      chart.description.empty() ? dot_description(chart) : chart.description, dot_numbers(chart));
}

}  // namespace gimbal::run
