// Draws XyChart: layout from the outside in (heading, legend, panels, axes), then layers from the back to the front (grid,
// bands, guides, reference lines, lines, points, marks, texts). Curves are thinned to the pixel grid; if the picture is still
// too large it is drawn again on a grid twice as coarse.
#include "gimbal/run/chart_xy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_decimate.h"
#include "gimbal/run/chart_labels.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

constexpr double kEdge = 4;          // outer margin
constexpr double kRightRoom = 18;    // for half a tick label
constexpr double kLabelSize = 11.5;  // of texts inside the plot
constexpr double kLabelHeight = 14;

struct Plot {
  double left, right, top, bottom;
};

void check_sizes(const XyChart& chart) {
  for (const Panel& panel : chart.panels) {
    for (const auto* list : {&panel.series, &panel.guides}) {
      for (const Series& series : *list) {
        GIMBAL_CHECK(series.x.size() == series.y.size(), "a series needs as many y as x");
        for (const Band& band : series.bands) {
          GIMBAL_CHECK(band.lo.size() == series.x.size() && band.hi.size() == series.x.size(),
                       "a band needs as many lo and hi as x");
        }
      }
    }
  }
}

Extent x_extent(const XyChart& chart) {
  Extent extent;
  const auto add = [&](double v) {
    if (drawable(v, chart.x.scale)) extent.add(v);
  };
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) std::for_each(series.x.begin(), series.x.end(), add);
    for (const Mark& mark : panel.marks)
      for (const double v : {mark.x, mark.x_lo, mark.x_hi}) add(v);
    for (const ReferenceLine& line : panel.lines)
      if (line.kind == ReferenceLine::Kind::kVertical) add(line.at);
  }
  return extent;
}

Extent y_extent(const Panel& panel) {
  Extent extent;
  const auto add = [&](double v) {
    if (drawable(v, panel.y.scale)) extent.add(v);
  };
  for (const Series& series : panel.series) {
    std::for_each(series.y.begin(), series.y.end(), add);
    for (const Band& band : series.bands) {
      std::for_each(band.lo.begin(), band.lo.end(), add);
      std::for_each(band.hi.begin(), band.hi.end(), add);
    }
    if (series.style.fill) add(0);
  }
  for (const Mark& mark : panel.marks)
    for (const double v : {mark.y, mark.y_lo, mark.y_hi}) add(v);
  for (const ReferenceLine& line : panel.lines)
    if (line.kind == ReferenceLine::Kind::kHorizontal) add(line.at);
  return extent;
}

// Bands from the widest to the narrowest, by their mean width over finite places.
std::vector<const Band*> widest_first(const Series& series) {
  std::vector<std::pair<double, const Band*>> order;
  for (const Band& band : series.bands) {
    double sum = 0, count = 0;
    for (std::size_t i = 0; i < band.lo.size(); ++i) {
      const double width = std::abs(band.hi[i] - band.lo[i]);
      if (std::isfinite(width)) sum += width, ++count;
    }
    order.emplace_back(count > 0 ? sum / count : 0.0, &band);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<const Band*> bands;
  for (const auto& [width, band] : order) bands.push_back(band);
  return bands;
}

// The opacity of a lone band, or of the k-th from the widest: narrow ones lie on wide ones and come out darker.
double band_opacity(std::size_t k, std::size_t count) {
  return count == 1 ? 0.2 : 0.13 + 0.07 * static_cast<double>(std::min<std::size_t>(k, 4));
}

std::vector<LegendItem> legend_items(const XyChart& chart) {
  std::vector<LegendItem> items;
  std::map<std::string, std::size_t> known;
  const auto add = [&](const LegendItem& item) {
    if (item.label.empty()) return;
    const auto [place, fresh] = known.emplace(item.label, items.size());
    if (fresh) {
      items.push_back(item);
    } else if (items[place->second].colour != item.colour && !item.line && item.swatch > 0) {
      items[place->second].colour = kInk;  // the same band around several series
    }
  };
  for (const Panel& panel : chart.panels) {
    for (std::size_t i = 0; i < std::min(panel.series.size(), kMaxSeries); ++i) {
      const Series& series = panel.series[i];
      const ResolvedStyle style = resolve_style(series, i);
      add({series.label, style.colour, series.style.line, style.dash, series.style.width, style.marker,
           series.style.fill ? 0.25 : 0});
    }
  }
  for (const Panel& panel : chart.panels) {
    for (std::size_t i = 0; i < std::min(panel.series.size(), kMaxSeries); ++i) {
      const std::vector<const Band*> bands = widest_first(panel.series[i]);
      for (std::size_t k = 0; k < bands.size(); ++k) {
        add({.label = bands[k]->label,
             .colour = resolve_style(panel.series[i], i).colour,
             .swatch = band_opacity(k, bands.size()) + 0.07 * static_cast<double>(k)});
      }
    }
  }
  const bool alone = items.size() == 1 && items[0].swatch == 0 && chart.panels.size() == 1;
  if (alone && items[0].label == chart.panels[0].y.title) items.clear();
  return items;
}

class XyDrawing {
 public:
  XyDrawing(const XyChart& chart, double column)
      : chart_(chart), column_(column), width_(std::clamp(chart.width, 240.0, 4000.0)) {}

  void run() {
    double y = draw_heading(svg_, width_, chart_.title, subtitle());
    y = draw_legend(svg_, width_, y, legend_items(chart_));
    lay_out_axes();
    for (std::size_t i = 0; i < chart_.panels.size(); ++i) {
      const Panel& panel = chart_.panels[i];
      y = draw_y_title(y, panel);
      const double height = chart_.square ? right_ - left_ : std::clamp(panel.height, 60.0, 2000.0);
      draw_panel(panel, scales_[i], {left_, right_, y, y + height}, y_ticks_[i]);
      y += height + 14;
    }
    if (chart_.panels.empty()) {
      draw_no_data(svg_, 0, y, width_, 80);
      y += 80;
    } else {
      y = draw_x_labels(y - 14);
    }
    height_ = y;
  }

  const SvgWriter& svg() const { return svg_; }
  double width() const { return width_; }
  double height() const { return height_; }

 private:
  std::string subtitle() const {
    std::string text = chart_.subtitle;
    for (const Panel& panel : chart_.panels) {
      if (panel.series.size() > kMaxSeries) {
        text += fmt::format("{}The first {} of {} series are drawn.", text.empty() ? "" : " ", kMaxSeries, panel.series.size());
      }
    }
    return text;
  }

  void lay_out_axes() {
    Extent x = x_extent(chart_);
    std::vector<Extent> ys;
    for (const Panel& panel : chart_.panels) ys.push_back(y_extent(panel));
    if (chart_.square && ys.size() == 1) {
      for (const double v : {ys[0].lo, ys[0].hi}) x.add(v);
      if (!ys[0].empty()) ys[0] = x;
    }
    x_ = AxisScale(chart_.x, x, chart_.square ? 0.04 : 0.02);
    double label_width = 0;
    for (std::size_t i = 0; i < chart_.panels.size(); ++i) {
      const Panel& panel = chart_.panels[i];
      scales_.emplace_back(panel.y, ys[i], chart_.square ? 0.04 : 0.06);
      const double height = chart_.square ? std::min(460.0, width_ - 80) : panel.height;
      y_ticks_.push_back(scales_.back().ticks(std::clamp(static_cast<int>(height / 45), 2, 12)));
      for (const Tick& tick : y_ticks_.back())
        label_width = std::max(label_width, text_width(tick.label, {.exponent = tick.exponent}));
    }
    left_ = kEdge + std::max(24.0, label_width + 10);
    right_ = width_ - kRightRoom;
    if (chart_.square) right_ = left_ + std::min(460.0, right_ - left_);
    x_.place(left_, right_);
    choose_x_ticks();
  }

  // As many ticks as their labels leave room for.
  void choose_x_ticks() {
    for (int wanted = std::max(2, static_cast<int>((right_ - left_) / 55)); wanted >= 1; --wanted) {
      x_ticks_ = x_.ticks(wanted);
      double free_from = -1e9;
      bool fits = true;
      for (const Tick& tick : x_ticks_) {
        if (tick.label.empty()) continue;
        const double w = text_width(tick.label, {.exponent = tick.exponent});
        const double x = label_centre(tick, w) - w / 2;
        fits = fits && x >= free_from;
        free_from = x + w + 12;
      }
      if (fits) return;
    }
  }

  double label_centre(const Tick& tick, double label_width) const {
    return std::clamp(x_.pixel(tick.value), kEdge + label_width / 2,
                      std::max(kEdge + label_width / 2, width_ - 2 - label_width / 2));
  }

  double draw_y_title(double y, const Panel& panel) {
    const std::string title = scales_[static_cast<std::size_t>(&panel - chart_.panels.data())].title();
    if (title.empty()) return y + 8;
    for (const std::string& line : wrap_text(title, 12, width_ - 2 * kEdge, 2)) {
      svg_.text(kEdge, y + 12, line, {.css = "tx", .full = title});
      y += 16;
    }
    return y + 6;
  }

  double draw_x_labels(double y) {
    for (const Tick& tick : x_ticks_) {
      const double w = text_width(tick.label, {.exponent = tick.exponent});
      svg_.text(label_centre(tick, w), y + 18, tick.label, {.anchor = Anchor::kMiddle, .css = "mu", .exponent = tick.exponent});
    }
    y += 24;
    for (const std::string& line : wrap_text(x_.title(), 12, width_ - 2 * kEdge, 2)) {
      y += 16;
      const double w = text_width(line, 12);
      const double centre = std::clamp((left_ + right_) / 2, kEdge + w / 2, std::max(kEdge + w / 2, width_ - kEdge - w / 2));
      svg_.text(centre, y - 3, line, {.anchor = Anchor::kMiddle});
    }
    return y + 6;
  }

  void draw_panel(const Panel& panel, AxisScale& y, const Plot& plot, const std::vector<Tick>& y_ticks) {
    y.place(plot.bottom, plot.top);
    LabelPlacer placer({plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top});
    draw_grid(y, plot, y_ticks);
    open_clip(plot);
    const std::size_t count = std::min(panel.series.size(), kMaxSeries);
    for (std::size_t i = 0; i < count; ++i) draw_bands(panel.series[i], i, y);
    for (std::size_t i = 0; i < std::min(panel.guides.size(), kMaxMarks); ++i) draw_guide(panel.guides[i], y, placer);
    for (std::size_t i = 0; i < std::min(panel.lines.size(), kMaxMarks); ++i) draw_reference(panel.lines[i], y, plot, placer);
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) any = draw_line(panel.series[i], i, y, plot, placer) || any;
    for (std::size_t i = 0; i < std::min(panel.marks.size(), kMaxMarks); ++i) draw_error_bars(panel.marks[i], y, placer);
    close_clip();
    svg_.line(plot.left, plot.bottom, plot.right, plot.bottom, "ax");
    for (std::size_t i = 0; i < count; ++i) any = draw_points(panel.series[i], i, y, plot) || any;
    draw_marks(panel, y, plot, placer);
    label_references(panel, y, plot, placer);
    label_guides(panel, y, plot, placer);
    if (!any && panel.marks.empty()) draw_no_data(svg_, plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top);
  }

  void draw_grid(const AxisScale& y, const Plot& plot, const std::vector<Tick>& y_ticks) {
    SvgPath grid, minor;
    for (const Tick& tick : y_ticks) {
      const double at = y.pixel(tick.value);
      if (tick.label.empty()) {
        minor.move_to(plot.left, at);
        minor.line_to(plot.left - 3, at);
        continue;
      }
      grid.move_to(plot.left, at);
      grid.line_to(plot.right, at);
      svg_.text(plot.left - 7, at + 4, tick.label, {.anchor = Anchor::kEnd, .css = "mu", .exponent = tick.exponent});
    }
    for (const Tick& tick : x_ticks_) {
      const double at = x_.pixel(tick.value);
      minor.move_to(at, plot.bottom);
      minor.line_to(at, plot.bottom + (tick.label.empty() ? 3 : 5));
      if (tick.label.empty()) continue;
      grid.move_to(at, plot.top);
      grid.line_to(at, plot.bottom);
    }
    svg_.path(grid.text(), "gr");
    svg_.path(minor.text(), "ax");
  }

  // A nested <svg> clips without an id. Two pixels of room keep the edges of lines that run along the frame.
  void open_clip(const Plot& plot) {
    const std::string x = coordinate(plot.left - 2), y = coordinate(plot.top - 2), w = coordinate(plot.right - plot.left + 4),
                      h = coordinate(plot.bottom - plot.top + 4);
    svg_.raw(fmt::format("<svg x=\"{0}\" y=\"{1}\" width=\"{2}\" height=\"{3}\" viewBox=\"{0} {1} {2} {3}\">", x, y, w, h));
  }
  void close_clip() { svg_.raw("</svg>"); }

  std::vector<PixelPoint> pixels(const Series& series, const AxisScale& y) const {
    std::vector<PixelPoint> points(series.x.size());
    for (std::size_t i = 0; i < points.size(); ++i) points[i] = {x_.pixel(series.x[i]), y.pixel(series.y[i])};
    return points;
  }

  void draw_bands(const Series& series, std::size_t index, const AxisScale& y) {
    const std::vector<const Band*> bands = widest_first(series);
    const std::string colour = colour_class(resolve_style(series, index).colour);
    for (std::size_t k = 0; k < bands.size(); ++k) {
      std::vector<PixelSpan> spans(series.x.size());
      for (std::size_t i = 0; i < spans.size(); ++i) {
        spans[i] = {x_.pixel(series.x[i]), y.pixel(bands[k]->lo[i]), y.pixel(bands[k]->hi[i])};
      }
      SvgPath area, edges;
      for (const std::vector<PixelSpan>& run : thin_band(spans, column_)) append_band(run, series.style.step, area, edges);
      svg_.path(area.text(), "ba " + colour, fmt::format("fill-opacity=\"{:.2f}\"", band_opacity(k, bands.size())));
      // A thin edge keeps nested bands apart in greyscale print.
      svg_.path(edges.text(), "ls " + colour,
                k == 0 && bands.size() > 1 ? "stroke-opacity=\"0.55\" stroke-width=\"0.8\" stroke-dasharray=\"2 3\""
                                           : "stroke-opacity=\"0.4\" stroke-width=\"0.8\"");
    }
  }

  static void append_band(const std::vector<PixelSpan>& run, bool step, SvgPath& area, SvgPath& edges) {
    std::vector<PixelPoint> upper, lower;
    for (std::size_t i = 0; i < run.size(); ++i) {
      if (step && i > 0) {
        upper.push_back({run[i].x, run[i - 1].hi});
        lower.push_back({run[i].x, run[i - 1].lo});
      }
      upper.push_back({run[i].x, run[i].hi});
      lower.push_back({run[i].x, run[i].lo});
    }
    if (run.size() == 1) {  // a lone place still shows its interval
      edges.move_to(run[0].x, run[0].lo);
      edges.line_to(run[0].x, run[0].hi);
      return;
    }
    for (const auto* side : {&upper, &lower}) {
      edges.move_to((*side)[0].x, (*side)[0].y);
      for (std::size_t i = 1; i < side->size(); ++i) edges.line_to((*side)[i].x, (*side)[i].y);
    }
    area.move_to(upper[0].x, upper[0].y);
    for (std::size_t i = 1; i < upper.size(); ++i) area.line_to(upper[i].x, upper[i].y);
    for (std::size_t i = lower.size(); i-- > 0;) area.line_to(lower[i].x, lower[i].y);
    area.close();
  }

  static void append_run(const std::vector<PixelPoint>& run, bool step, SvgPath& path) {
    path.move_to(run[0].x, run[0].y);
    if (run.size() == 1) path.line_to(run[0].x, run[0].y);  // round caps make a dot of it
    for (std::size_t i = 1; i < run.size(); ++i) {
      if (step) path.line_to(run[i].x, run[i - 1].y);
      path.line_to(run[i].x, run[i].y);
    }
  }

  bool draw_line(const Series& series, std::size_t index, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    if (!series.style.line) return false;
    const ResolvedStyle style = resolve_style(series, index);
    SvgPath line, area;
    const double zero = y.drawable(0) ? std::clamp(y.pixel(0), plot.top, plot.bottom) : plot.bottom;
    for (const std::vector<PixelPoint>& run : thin_line(pixels(series, y), column_)) {
      append_run(run, series.style.step, line);
      for (std::size_t i = 1; i < run.size(); ++i) placer.add_line(run[i - 1].x, run[i - 1].y, run[i].x, run[i].y);
      if (series.style.fill && run.size() > 1) {
        append_run(run, series.style.step, area);
        area.line_to(run.back().x, zero);
        area.line_to(run.front().x, zero);
        area.close();
      }
    }
    const std::string colour = colour_class(style.colour);
    svg_.path(area.text(), "ba " + colour, "fill-opacity=\"0.22\"");
    svg_.path(line.text(), "ls " + colour,
              fmt::format("stroke-width=\"{}\"{}", coordinate(series.style.width),
                          style.dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", style.dash)));
    return !line.empty();
  }

  // Inside the plot, with room for points on its edge.
  static bool inside(const Plot& plot, double x, double y) {
    return x >= plot.left - 1 && x <= plot.right + 1 && y >= plot.top - 1 && y <= plot.bottom + 1;
  }

  bool draw_points(const Series& series, std::size_t index, const AxisScale& y, const Plot& plot) {
    const ResolvedStyle style = resolve_style(series, index);
    if (style.marker == Marker::kNone) return false;
    std::vector<PixelPoint> points;
    for (const PixelPoint& p : pixels(series, y)) {
      if (!std::isnan(p.x) && !std::isnan(p.y) && inside(plot, p.x, p.y)) points.push_back(p);
    }
    if (series.style.line && points.size() > 100) {  // markers only name a dense line
      std::vector<PixelPoint> apart;
      for (const PixelPoint& p : points) {
        if (apart.empty() || std::abs(p.x - apart.back().x) >= 36) apart.push_back(p);
      }
      points = std::move(apart);
    }
    const std::size_t count = points.size();
    points = thin_cloud(points, count > 1000 ? std::max(1.0, column_) : 0.1);
    const double r = count <= 80 ? 4 : count <= 500 ? 3 : 2;
    const std::string colour = colour_class(style.colour);
    if (count > 2000) {
      SvgPath dots;
      for (const PixelPoint& p : points) {
        dots.move_to(p.x, p.y);
        dots.line_to(p.x, p.y);
      }
      svg_.path(dots.text(), "ls " + colour, fmt::format("stroke-width=\"{}\"", coordinate(std::max(2.4, column_))));
    } else {
      std::string d;
      for (const PixelPoint& p : points) append_marker(d, style.marker, p.x, p.y, r);
      svg_.path(d, (marker_is_open(style.marker) ? "ls " : "mk ") + colour,
                marker_is_open(style.marker) ? "stroke-width=\"1.6\"" : "");
    }
    return count > 0;
  }

  void draw_guide(const Series& guide, const AxisScale& y, LabelPlacer& placer) {
    SvgPath line;
    for (const std::vector<PixelPoint>& run : thin_line(pixels(guide, y), column_)) {
      append_run(run, guide.style.step, line);
      for (std::size_t i = 1; i < run.size(); ++i) placer.add_line(run[i - 1].x, run[i - 1].y, run[i].x, run[i].y);
    }
    svg_.path(line.text(), "ax", "stroke-dasharray=\"2 3\"");
  }

  void draw_reference(const ReferenceLine& line, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    double x1 = plot.left, x2 = plot.right, y1 = plot.bottom, y2 = plot.top;
    switch (line.kind) {
      case ReferenceLine::Kind::kHorizontal:
        y1 = y2 = y.pixel(line.at);
        break;
      case ReferenceLine::Kind::kVertical:
        x1 = x2 = x_.pixel(line.at);
        break;
      case ReferenceLine::Kind::kDiagonal: {
        const double lo = std::max(x_.lo(), y.lo()), hi = std::min(x_.hi(), y.hi());
        if (!(lo < hi)) return;
        x1 = x_.pixel(lo), x2 = x_.pixel(hi), y1 = y.pixel(lo), y2 = y.pixel(hi);
      }
    }
    if (std::isnan(x1) || std::isnan(y1) || std::isnan(x2) || std::isnan(y2)) return;
    svg_.line(x1, y1, x2, y2, "rf");
    placer.add_line(x1, y1, x2, y2);
  }

  void draw_error_bars(const Mark& mark, const AxisScale& y, LabelPlacer& placer) {
    const double cx = x_.pixel(mark.x), cy = y.pixel(mark.y);
    const double left = x_.pixel(mark.x_lo), right = x_.pixel(mark.x_hi), low = y.pixel(mark.y_lo), high = y.pixel(mark.y_hi);
    SvgPath bars;
    const auto bar = [&](double x1, double y1, double x2, double y2, double cap_x, double cap_y) {
      if (std::isnan(x1 + y1 + x2 + y2)) return;
      bars.move_to(x1, y1);
      bars.line_to(x2, y2);
      for (const auto& [x, y] : {std::pair{x1, y1}, std::pair{x2, y2}}) {
        bars.move_to(x - cap_x, y - cap_y);
        bars.line_to(x + cap_x, y + cap_y);
      }
      placer.add_line(x1, y1, x2, y2);
    };
    bar(left, cy, right, cy, 0, 5);
    bar(cx, low, cx, high, 5, 0);
    svg_.path(bars.text(), "ls " + colour_class(mark.colour), "stroke-width=\"1.8\"");
  }

  void draw_marks(const Panel& panel, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    std::vector<std::pair<const Mark*, PixelPoint>> shown;
    for (std::size_t i = 0; i < std::min(panel.marks.size(), kMaxMarks); ++i) {
      const Mark& mark = panel.marks[i];
      const PixelPoint p{x_.pixel(mark.x), y.pixel(mark.y)};
      if (std::isnan(p.x) || std::isnan(p.y) || !inside(plot, p.x, p.y)) continue;
      draw_marker(svg_, resolve_marker(mark.shape, mark.colour), mark.colour, p.x, p.y, 5);
      placer.block({p.x - 6, p.y - 6, 12, 12});
      shown.emplace_back(&mark, p);
    }
    for (const auto& [mark, p] : shown) label_mark(*mark, p, plot, placer);
  }

  // Beside the mark; where it is crowded further off, with a line back to it.
  void label_mark(const Mark& mark, const PixelPoint& p, const Plot& plot, LabelPlacer& placer) {
    if (mark.label.empty()) return;
    const std::string label = elide(mark.label, kLabelSize, std::min(240.0, plot.right - plot.left), true);
    const double w = text_width(label, kLabelSize, true), h = kLabelHeight;
    std::vector<Box> boxes;
    for (const double d : {9.0, 22.0, 38.0, 58.0}) {
      const double diagonal = 0.75 * d;
      boxes.push_back({p.x + d, p.y - h / 2, w, h});
      boxes.push_back({p.x - d - w, p.y - h / 2, w, h});
      boxes.push_back({p.x - w / 2, p.y - d - h, w, h});
      boxes.push_back({p.x - w / 2, p.y + d, w, h});
      boxes.push_back({p.x + diagonal, p.y - diagonal - h, w, h});
      boxes.push_back({p.x - diagonal - w, p.y - diagonal - h, w, h});
      boxes.push_back({p.x + diagonal, p.y + diagonal, w, h});
      boxes.push_back({p.x - diagonal - w, p.y + diagonal, w, h});
    }
    const std::size_t best = placer.place(boxes);
    const Box& box = boxes[best];
    if (best >= 8) {
      svg_.line(p.x, p.y, std::clamp(p.x, box.x, box.x + w), std::clamp(p.y, box.y + 2, box.y + h - 2),
                "ls " + colour_class(mark.colour), "stroke-width=\"0.8\" stroke-opacity=\"0.7\"");
    }
    svg_.text(box.x, box.y + h - 3, label, {.size = kLabelSize, .bold = true, .css = "tx ha", .full = mark.label});
  }

  void label_references(const Panel& panel, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    for (std::size_t i = 0; i < std::min(panel.lines.size(), kMaxMarks); ++i) {
      const ReferenceLine& line = panel.lines[i];
      if (line.label.empty()) continue;
      const std::string label = elide(line.label, kLabelSize, std::min(260.0, plot.right - plot.left));
      const double w = text_width(label, kLabelSize), h = kLabelHeight;
      std::vector<Box> boxes;
      if (line.kind == ReferenceLine::Kind::kVertical) {
        const double x = x_.pixel(line.at);
        if (std::isnan(x) || !inside(plot, x, plot.top)) continue;
        for (double row = 0; row < 6 && plot.top + 2 + row * (h + 1) + h < plot.bottom; ++row) {
          boxes.push_back({x + 5, plot.top + 2 + row * (h + 1), w, h});
          boxes.push_back({x - 5 - w, plot.top + 2 + row * (h + 1), w, h});
        }
      } else {
        for (const double t : {1.0, 0.0, 0.5, 0.75, 0.25}) {
          const double x = plot.left + 4 + t * (plot.right - plot.left - 8 - w);
          double at = y.pixel(line.at);
          if (line.kind == ReferenceLine::Kind::kDiagonal) {
            at = diagonal_pixel(x + w / 2, y);
            if (t == 1.0 || t == 0.0) continue;
          }
          if (std::isnan(at) || !inside(plot, plot.left, at)) continue;
          const double slope = line.kind == ReferenceLine::Kind::kDiagonal ? w / 2 : 0;
          boxes.push_back({x - slope, at - h - 3, w, h});
          boxes.push_back({x + slope, at + 3, w, h});
        }
      }
      if (boxes.empty()) continue;
      const Box& box = boxes[placer.place(boxes)];
      svg_.text(box.x, box.y + h - 3, label, {.size = kLabelSize, .css = "mu ha", .full = line.label});
    }
  }

  // The y pixel of y = x at an x pixel.
  double diagonal_pixel(double x, const AxisScale& y) const {
    if (chart_.x.scale == Scale::kLog) return y.pixel(x_.lo() * std::pow(x_.hi() / x_.lo(), (x - left_) / (right_ - left_)));
    return y.pixel(x_.lo() + (x_.hi() - x_.lo()) * (x - left_) / (right_ - left_));
  }

  void label_guides(const Panel& panel, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    for (std::size_t i = 0; i < std::min(panel.guides.size(), kMaxMarks); ++i) {
      const Series& guide = panel.guides[i];
      if (guide.label.empty()) continue;
      const std::string label = elide(guide.label, kLabelSize - 0.5, 160);
      const double w = text_width(label, kLabelSize - 0.5), h = kLabelHeight;
      std::vector<PixelPoint> visible;
      for (const PixelPoint& p : pixels(guide, y)) {
        if (!std::isnan(p.x) && !std::isnan(p.y) && inside(plot, p.x, p.y)) visible.push_back(p);
      }
      if (visible.empty()) continue;
      std::vector<Box> boxes;
      for (const double t : {1.0, 0.0, 0.8, 0.6, 0.4, 0.2}) {
        const PixelPoint& p = visible[static_cast<std::size_t>(t * static_cast<double>(visible.size() - 1))];
        boxes.push_back({p.x + 4, p.y - h, w, h});
        boxes.push_back({p.x - 4 - w, p.y - h, w, h});
        boxes.push_back({p.x + 4, p.y + 1, w, h});
        boxes.push_back({p.x - 4 - w, p.y + 1, w, h});
      }
      const Box& box = boxes[placer.place(boxes)];
      svg_.text(box.x, box.y + h - 3, label, {.size = kLabelSize - 0.5, .css = "mu ha", .full = guide.label});
    }
  }

  const XyChart& chart_;
  double column_;
  double width_;
  double height_ = 0;
  double left_ = 0, right_ = 0;
  AxisScale x_;
  std::vector<Tick> x_ticks_;
  std::vector<AxisScale> scales_;
  std::vector<std::vector<Tick>> y_ticks_;
  SvgWriter svg_;
};

}  // namespace

ResolvedStyle resolve_style(const Series& series, std::size_t index) {
  ResolvedStyle style;
  style.colour = series.style.colour == kAutoColour ? static_cast<int>(index) : series.style.colour;
  style.dash = dash_pattern(series.style.dash, style.colour);
  const bool points = !series.style.line;
  const Marker marker = points && series.style.marker == Marker::kNone ? Marker::kAuto : series.style.marker;
  style.marker = resolve_marker(marker, style.colour);
  // A line through a single place would be invisible but for its marker.
  if (series.x.size() == 1 && style.marker == Marker::kNone) style.marker = resolve_marker(Marker::kAuto, style.colour);
  return style;
}

Chart draw(const XyChart& chart) {
  check_sizes(chart);
  const std::string description = chart.description.empty() ? xy_description(chart) : chart.description;
  for (double column = 1;; column *= 2) {
    XyDrawing drawing(chart, column);
    drawing.run();
    if (drawing.svg().size() + kEnvelopeBytes > kMaxSvgBytes && column < 512) continue;
    return finish_chart(drawing.svg(), drawing.width(), drawing.height(), chart.title, description, xy_numbers(chart));
  }
}

}  // namespace gimbal::run
