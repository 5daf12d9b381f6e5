// Draws HeatMap. The colour is one hue laid over the surface, as opaque as the value is far along the scale: dark on light
// paper, bright on a dark screen, and monotone in grey. Cells of one shade are one path. Matrices with more cells than can be
// seen are drawn as means of blocks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

constexpr double kEdge = 4;
constexpr double kHeadingHeight = 24;
constexpr double kNumberSize = 11;
constexpr std::size_t kMaxCells = 6'000;  // about 24 bytes a cell
constexpr std::size_t kMaxNumbers = 900;  // about 80 bytes a printed number
constexpr std::size_t kMaxGroups = 100;
// Above this opacity texts change from ink to the surface's colour: the contrast of both is then near equal in both schemes.
constexpr double kInvertAt = 0.66;

// The matrix as drawn: block means of the whole where it is too large.
struct Cells {
  Matrix values;
  std::size_t row_block = 1, column_block = 1;
};

Cells reduce(const HeatMap& chart, double most_cells) {
  Cells cells{chart.values};
  const std::size_t rows = chart.values.rows(), columns = chart.values.cols();
  const auto blocks = [](std::size_t n, std::size_t block) { return (n + block - 1) / block; };
  while (static_cast<double>(blocks(rows, cells.row_block) * blocks(columns, cells.column_block)) > most_cells) {
    // Shorten the longer side; groups keep their rows apart as long as the columns can give way.
    const bool rows_next = blocks(rows, cells.row_block) > (chart.groups.empty() ? 1 : 4) * blocks(columns, cells.column_block);
    ++(rows_next ? cells.row_block : cells.column_block);
  }
  if (cells.row_block == 1 && cells.column_block == 1) return cells;
  cells.values = Matrix(blocks(rows, cells.row_block), blocks(columns, cells.column_block));
  for (std::size_t r = 0; r < cells.values.rows(); ++r) {
    for (std::size_t c = 0; c < cells.values.cols(); ++c) {
      double sum = 0, count = 0;
      for (std::size_t i = r * cells.row_block; i < std::min(rows, (r + 1) * cells.row_block); ++i) {
        for (std::size_t j = c * cells.column_block; j < std::min(columns, (c + 1) * cells.column_block); ++j) {
          if (std::isfinite(chart.values(i, j))) sum += chart.values(i, j), ++count;
        }
      }
      cells.values(r, c) = count > 0 ? sum / count : kNoValue;
    }
  }
  return cells;
}

class HeatDrawing {
 public:
  HeatDrawing(const HeatMap& chart, double detail)
      : chart_(chart), cells_(reduce(chart, detail * kMaxCells)), width_(std::clamp(chart.width, 240.0, 4000.0)) {
    if (detail < 1) svg_.drop_tool_tips();
    for (const double v : chart.values.values()) {
      if (std::isfinite(v)) {
        extent_.add(v);
      } else {
        missing_ = true;
      }
    }
    lo_ = chart.min.value_or(extent_.empty() ? 0 : extent_.lo);
    hi_ = chart.max.value_or(extent_.empty() ? 1 : extent_.hi);
    if (chart.diverging) {
      const double reach = std::max(std::abs(lo_ - chart.centre), std::abs(hi_ - chart.centre));
      lo_ = chart.centre - reach;
      hi_ = chart.centre + reach;
    }
  }

  void run() {
    std::string subtitle = chart_.subtitle;
    if (cells_.row_block * cells_.column_block > 1) {
      subtitle += fmt::format("{}Each cell is the mean of {} × {} values.", subtitle.empty() ? "" : " ", cells_.row_block,
                              cells_.column_block);
    }
    double y = draw_heading(svg_, width_, chart_.title, subtitle) + 4;
    if (chart_.values.empty()) {
      draw_no_data(svg_, 0, y, width_, 80);
      height_ = y + 80;
      return;
    }
    measure();
    y = draw_column_labels(y);
    y = draw_rows(y);
    height_ = draw_scale(y + 10);
  }

  const SvgWriter& svg() const { return svg_; }
  double width() const { return width_; }
  double height() const { return height_; }

 private:
  std::size_t rows() const { return cells_.values.rows(); }
  std::size_t columns() const { return cells_.values.cols(); }
  bool grouped() const { return !chart_.groups.empty() && cells_.row_block == 1; }

  // A reduced block carries the label of its first row or column.
  std::string row_label(std::size_t r) const { return chart_.rows.empty() ? std::string() : chart_.rows[r * cells_.row_block]; }
  std::string column_label(std::size_t c) const {
    return chart_.columns.empty() ? std::string() : chart_.columns[c * cells_.column_block];
  }

  void measure() {
    double label = 0, heading = 0;
    for (std::size_t r = 0; r < rows(); ++r) label = std::max(label, text_width(row_label(r), 12));
    indent_ = grouped() ? 10 : 0;
    if (!chart_.row_title.empty()) heading = text_width(chart_.row_title, 12);
    label_width_ = std::min(std::max(label + indent_, std::min(heading, 0.2 * width_)), 0.34 * width_);
    left_ = std::ceil(kEdge + (label_width_ > 0 ? label_width_ + 8 : 0));
    cell_width_ = std::min(90.0, (width_ - kEdge - left_) / static_cast<double>(columns()));
    choose_column_labels();
    cell_height_ = rows() <= 40 ? 24 : std::max(3.0, 960.0 / static_cast<double>(rows()));
    if (rows() <= 12 && columns() <= 12) cell_height_ = 28;
  }

  // Flat where they fit, wrapped where words fit, slanted otherwise (which needs room at the right).
  void choose_column_labels() {
    double longest = 0, longest_word = 0;
    for (std::size_t c = 0; c < columns(); ++c) {
      const std::string label = column_label(c);
      longest = std::max(longest, text_width(label, 12));
      for (std::size_t i = 0; i < label.size();) {
        const std::size_t end = std::min(label.find(' ', i), label.size());
        longest_word = std::max(longest_word, text_width(std::string_view(label).substr(i, end - i), 12));
        i = end + 1;
      }
    }
    slanted_ =
        longest > cell_width_ - 6 && !(longest_word <= cell_width_ - 6 && (longest <= 2.6 * cell_width_ || cell_width_ >= 64));
    if (!slanted_) return;
    slant_width_ = std::min(longest, 130.0);
    const double overhang = slant_width_ * 0.71;
    cell_width_ = std::min(cell_width_, (width_ - kEdge - left_ - overhang) / (static_cast<double>(columns()) - 0.5));
  }

  double draw_column_labels(double y) {
    if (!chart_.column_title.empty()) {
      svg_.text(left_, y + 12, elide(chart_.column_title, 12, width_ - left_ - kEdge),
                {.css = "mu", .full = chart_.column_title});
      y += 18;
    }
    double height = 0;
    if (slanted_) {
      height = slant_width_ * 0.71 + 10;
      const auto every = static_cast<std::size_t>(std::ceil(13 / cell_width_));
      for (std::size_t c = 0; c < columns(); c += every) {
        svg_.text(left_ + (static_cast<double>(c) + 0.5) * cell_width_ + 4, y + height - 4,
                  elide(column_label(c), 12, slant_width_ + 1), {.rotate = -45, .full = column_label(c)});
      }
    } else if (!chart_.columns.empty()) {
      std::vector<std::vector<std::string>> lines;
      std::size_t most = 0;
      for (std::size_t c = 0; c < columns(); ++c) {
        lines.push_back(wrap_text(column_label(c), 12, cell_width_ - 4, 3));
        most = std::max(most, lines.back().size());
      }
      height = 14 * static_cast<double>(most) + 4;
      for (std::size_t c = 0; c < columns(); ++c) {
        for (std::size_t k = 0; k < lines[c].size(); ++k) {
          const double up = static_cast<double>(lines[c].size() - k);
          svg_.text(left_ + (static_cast<double>(c) + 0.5) * cell_width_, y + height - 14 * up + 9, lines[c][k],
                    {.anchor = Anchor::kMiddle, .full = column_label(c)});
        }
      }
    }
    if (!chart_.row_title.empty() && label_width_ > 0) {
      svg_.text(kEdge, y + std::max(height, 14.0) - 5, elide(chart_.row_title, 12, label_width_),
                {.css = "mu", .full = chart_.row_title});
      height = std::max(height, 16.0);
    }
    return y + height;
  }

  // Where the value lies on the scale: opacity in [0, 1] and which hue.
  struct Shade {
    bool rise = true;
    double opacity = 0;
  };
  Shade shade(double v) const {
    if (chart_.diverging) {
      const double reach = hi_ - chart_.centre;
      return {v >= chart_.centre, reach > 0 ? std::clamp(std::abs(v - chart_.centre) / reach, 0.0, 1.0) : 0};
    }
    return {true, hi_ > lo_ ? std::clamp((v - lo_) / (hi_ - lo_), 0.0, 1.0) : 0.5};
  }

  double draw_rows(double y) {
    std::map<std::pair<bool, int>, SvgPath> shades;  // by hue and opacity in hundredths
    SvgPath hatch, frames;
    SvgWriter texts;
    const double gap = std::min(cell_width_, cell_height_) >= 14 ? 1 : 0;
    const bool numbers =
        chart_.numbers && rows() * columns() <= kMaxNumbers && cell_height_ >= 13 && widest_number() <= cell_width_ - 4;
    const auto every = static_cast<std::size_t>(std::max(1.0, std::ceil(13 / cell_height_)));
    std::size_t group = 0, group_end = 0;
    for (std::size_t r = 0; r < rows(); ++r) {
      while (grouped() && group < std::min(chart_.groups.size(), kMaxGroups) && r >= group_end) {
        if (!chart_.groups[group].label.empty()) {
          texts.text(kEdge, y + 17, elide(chart_.groups[group].label, 12, width_ - 2 * kEdge, true),
                     {.bold = true, .full = chart_.groups[group].label});
          y += kHeadingHeight;
        } else if (group > 0) {
          y += 8;
        }
        group_end += chart_.groups[group++].rows;
      }
      if (r % every == 0) {
        const std::string label = elide(row_label(r), 12, label_width_ - indent_ + 1);
        texts.text(kEdge + indent_, y + cell_height_ / 2 + 4, label, {.full = row_label(r)});
      }
      for (std::size_t c = 0; c < columns(); ++c) {
        const double x = left_ + static_cast<double>(c) * cell_width_;
        const double v = cells_.values(r, c);
        if (!std::isfinite(v)) {
          hatch.move_to(x + 2, y + cell_height_ - 3);
          hatch.line_to(x + cell_width_ - 3, y + 2);
          append_box(frames, x + 0.5, y + 0.5, cell_width_ - 1 - gap, cell_height_ - 1 - gap);
          continue;
        }
        const Shade s = shade(v);
        append_box(shades[{s.rise, static_cast<int>(std::lround(100 * s.opacity))}], x, y, cell_width_ - gap,
                   cell_height_ - gap);
        if (numbers) {
          texts.text(x + (cell_width_ - gap) / 2, y + cell_height_ / 2 + 3.5, number(v),
                     {.size = kNumberSize, .anchor = Anchor::kMiddle, .css = s.opacity > kInvertAt ? "bg" : "tx"});
        }
      }
      y += cell_height_;
    }
    // Pale cells keep a trace of the grid's colour, so that zero is a cell and not a hole.
    for (const auto& [key, path] : shades) {
      svg_.path(path.text(), key.first ? "up" : "dn", fmt::format("fill-opacity=\"{:.2f}\"", 0.03 + 0.0097 * key.second));
    }
    svg_.path(frames.text(), "gr");
    svg_.path(hatch.text(), "ax", "stroke-width=\"0.8\"");
    svg_.raw(texts.body());
    return y;
  }

  static void append_box(SvgPath& path, double x, double y, double w, double h) {
    path.move_to(x, y);
    path.line_to(x + w, y);
    path.line_to(x + w, y + h);
    path.line_to(x, y + h);
    path.close();
  }

  // All numbers of a map have the same decimals: those that half of the largest needs for `digits` significant ones.
  std::string number(double v) const {
    const double scale = chart_.percent ? 100 : 1;
    const double largest = scale * std::max(std::abs(extent_.lo), std::abs(extent_.hi));
    if (!(largest < 1e6) || !(largest >= 1e-4)) return largest == 0 ? "0" : format_significant(v * scale, chart_.digits);
    const int decimals = std::clamp(chart_.digits - 1 - static_cast<int>(std::floor(std::log10(0.5 * largest) + 1e-9)), 0, 9);
    std::string text = fmt::format("{:.{}f}", std::abs(v * scale), decimals);
    if (v < 0 && text.find_first_not_of("0.") != std::string::npos) text = "\u2212" + text;
    return text;
  }

  double widest_number() const {
    double widest = 0;
    for (const double v : cells_.values.values()) {
      if (std::isfinite(v)) widest = std::max(widest, text_width(number(v), kNumberSize));
    }
    return widest;
  }

  double draw_scale(double y) {
    const std::string unit = chart_.percent ? "%" : chart_.unit;
    const std::string title = chart_.value_title + (unit.empty() ? "" : chart_.value_title.empty() ? unit : " (" + unit + ")");
    const double bar = std::min(220.0, width_ - left_ - kEdge), x = left_;
    if (!title.empty()) {
      svg_.text(x, y + 12, elide(title, 12, width_ - x - kEdge), {.full = title});
      y += 18;
    }
    if (extent_.empty()) {
      draw_missing_key(x, y);
      return y + 20;
    }
    constexpr int kSteps = 44;  // five whole pixels each: no seams
    for (int k = 0; k < kSteps; ++k) {
      const double v = lo_ + (hi_ - lo_) * (k + 0.5) / kSteps;
      const Shade s = shade(v);
      svg_.rect(x + bar * k / kSteps, y, bar / kSteps, 10, s.rise ? "up" : "dn",
                fmt::format("fill-opacity=\"{:.2f}\" shape-rendering=\"crispEdges\"", 0.03 + 0.97 * s.opacity));
    }
    const auto end_text = [&](double v) {
      return hi_ > lo_ ? number(v) : format_significant(v * (chart_.percent ? 100 : 1), 4);
    };
    if (hi_ > lo_) {
      svg_.text(x, y + 23, end_text(lo_), {.size = kNumberSize, .css = "mu"});
      svg_.text(x + bar / 2, y + 23, end_text((lo_ + hi_) / 2), {.size = kNumberSize, .anchor = Anchor::kMiddle, .css = "mu"});
      svg_.text(x + bar, y + 23, end_text(hi_), {.size = kNumberSize, .anchor = Anchor::kEnd, .css = "mu"});
    } else {
      svg_.text(x + bar / 2, y + 23, end_text(lo_), {.size = kNumberSize, .anchor = Anchor::kMiddle, .css = "mu"});
    }
    if (missing_) draw_missing_key(x + bar + 24, y);
    return y + 30;
  }

  void draw_missing_key(double x, double y) {
    if (x + 80 > width_) return;
    SvgPath frame;
    append_box(frame, x + 0.5, y + 0.5, 17, 10);
    svg_.path(frame.text(), "gr");
    svg_.line(x + 2, y + 9, x + 16, y + 2, "ax", "stroke-width=\"0.8\"");
    svg_.text(x + 24, y + 9.5, "no data", {.size = kNumberSize, .css = "mu"});
  }

  const HeatMap& chart_;
  Cells cells_;
  double width_, height_ = 0;
  Extent extent_;
  bool missing_ = false;
  double lo_ = 0, hi_ = 1;
  double left_ = 0, label_width_ = 0, indent_ = 0, cell_width_ = 0, cell_height_ = 0;
  bool slanted_ = false;
  double slant_width_ = 0;
  SvgWriter svg_;
};

constexpr std::size_t kMaxTableColumns = 30;

ReportTable heat_numbers(const HeatMap& chart) {
  ReportTable table;
  const std::size_t rows = std::min(chart.values.rows(), kMaxTableRows),
                    columns = std::min(chart.values.cols(), kMaxTableColumns);
  const Axis axis{.title = "", .unit = "", .min = {}, .max = {}, .percent = chart.percent};
  table.columns.push_back({chart.row_title, "", Align::kLeft});
  for (std::size_t c = 0; c < columns; ++c)
    table.columns.push_back({chart.columns.empty() ? std::to_string(c + 1) : chart.columns[c], "", Align::kAuto});
  std::size_t group = 0, group_end = chart.groups.empty() ? chart.values.rows() : chart.groups[0].rows;
  for (std::size_t r = 0; r < rows; ++r) {
    while (r >= group_end && group + 1 < chart.groups.size()) group_end += chart.groups[++group].rows;
    std::string label = chart.rows.empty() ? std::to_string(r + 1) : chart.rows[r];
    if (!chart.groups.empty() && !chart.groups[group].label.empty()) label = chart.groups[group].label + ": " + label;
    std::vector<std::string> row = {std::move(label)};
    for (std::size_t c = 0; c < columns; ++c) row.push_back(axis_value(chart.values(r, c), axis));
    table.rows.push_back(std::move(row));
  }
  if (rows < chart.values.rows() || columns < chart.values.cols()) {
    table.notes.push_back(
        fmt::format("{} of {} rows, {} of {} columns.", rows, chart.values.rows(), columns, chart.values.cols()));
  }
  return table;
}

std::string heat_description(const HeatMap& chart) {
  std::string text = fmt::format("Heat map of {} by {} values", chart.values.rows(), chart.values.cols());
  if (!chart.value_title.empty()) text += ": " + chart.value_title;
  Extent extent;
  for (const double v : chart.values.values())
    if (std::isfinite(v)) extent.add(v);
  const Axis axis{.title = "", .unit = "", .min = {}, .max = {}, .percent = chart.percent};
  if (!extent.empty()) text += fmt::format(", from {} to {}", axis_value(extent.lo, axis), axis_value(extent.hi, axis));
  return text + ".";
}

}  // namespace

Chart draw(const HeatMap& chart) {
  GIMBAL_CHECK(chart.rows.empty() || chart.rows.size() == chart.values.rows(), "a heat map needs a label for each row or none");
  GIMBAL_CHECK(chart.columns.empty() || chart.columns.size() == chart.values.cols(),
               "a heat map needs a label for each column or none");
  std::size_t in_groups = 0;
  for (const HeatGroup& group : chart.groups) in_groups += group.rows;
  GIMBAL_CHECK(chart.groups.empty() || in_groups == chart.values.rows(), "the groups of a heat map must hold all its rows");
  const HeatDrawing drawing = draw_to_fit<HeatDrawing>(chart);
  return finish_chart(drawing.svg(), drawing.width(), drawing.height(), chart.title,
                      chart.description.empty() ? heat_description(chart) : chart.description, heat_numbers(chart));
}

}  // namespace gimbal::run
