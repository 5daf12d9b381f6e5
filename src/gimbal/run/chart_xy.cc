// Draws XyChart: layout from the outside in (heading, legend, panels, axes), then layers from the back to the front (grid,
// bands, guides, reference lines, lines, points, marks, texts). Curves are thinned to the pixel grid; if the picture is still
// too large it is drawn again on a grid twice as coarse.
#include "gimbal/run/chart_xy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_axis.h"
#include "gimbal/run/chart_decimate.h"
#include "gimbal/run/chart_labels.h"
#include "gimbal/run/chart_plot.h"
#include "gimbal/run/chart_scale.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

constexpr double kEdge = 4;        // outer margin
constexpr double kRightRoom = 18;  // for half a tick label
constexpr double kSquareSide = 460;

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

class XyDrawing {
 public:
  XyDrawing(const XyChart& chart, double detail)
      : chart_(chart), column_(1 / detail), width_(std::clamp(chart.width, 240.0, chart.square ? kSquareSide + 90 : 4000.0)) {}

  void run() {
    if (column_ > 1) svg_.drop_tool_tips();
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
      y = draw_horizontal_axis(svg_, x_, x_ticks_, left_, right_, width_, y - 14);
    }
    height_ = y;
  }

  const SvgWriter& svg() const { return svg_; }
  double width() const { return width_; }
  double height() const { return height_; }

 private:
  // Marks and lines give way only when thinner curves did not help.
  std::size_t most(std::size_t count) const {
    return std::min(count, column_ <= 16 ? kMaxMarks : static_cast<std::size_t>(static_cast<double>(kMaxMarks) * 16 / column_));
  }

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
      const double height = chart_.square ? std::min(kSquareSide, width_ - 80) : panel.height;
      y_ticks_.push_back(scales_.back().ticks(std::clamp(static_cast<int>(height / 45), 2, 12)));
      for (const Tick& tick : y_ticks_.back())
        label_width = std::max(label_width, text_width(tick.label, {.exponent = tick.exponent}));
    }
    left_ = kEdge + std::max(24.0, label_width + 10);
    right_ = width_ - kRightRoom;
    if (chart_.square) right_ = left_ + std::min(kSquareSide, right_ - left_);
    x_.place(left_, right_);
    x_ticks_ = fitting_ticks(x_, left_, right_, width_);
  }

  double draw_y_title(double y, const Panel& panel) {
    const std::string title = scales_[static_cast<std::size_t>(&panel - chart_.panels.data())].title();
    if (title.empty()) return y + 8;
    for (const std::string& line : wrap_text(title, 12, width_ - 2 * kEdge, 2)) {
      svg_.text(kEdge, y + 12, line, {.css = "tx", .full = title});
      y += 16;
    }
    return y + 10;
  }

  void draw_panel(const Panel& panel, AxisScale& y, const Plot& plot, const std::vector<Tick>& y_ticks) {
    y.place(plot.bottom, plot.top);
    LabelPlacer placer({plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top});
    draw_grid(y, plot, y_ticks);
    open_clip(plot);
    const std::size_t count = std::min(panel.series.size(), kMaxSeries);
    for (std::size_t i = 0; i < count; ++i) draw_bands(panel.series[i], i, y);
    for (std::size_t i = 0; i < most(panel.guides.size()); ++i) draw_guide(panel.guides[i], y, placer);
    draw_references(panel, false, y, plot, placer);
    bool any = false;
    for (std::size_t i = 0; i < count; ++i) any = draw_line(panel.series[i], i, y, plot, placer) || any;
    draw_references(panel, true, y, plot, placer);
    for (std::size_t i = 0; i < most(panel.marks.size()); ++i) draw_error_bars(panel.marks[i], y, placer);
    close_clip();
    svg_.line(plot.left, plot.bottom, plot.right, plot.bottom, "ax");
    for (std::size_t i = 0; i < count; ++i) any = draw_points(panel.series[i], i, y, plot, placer) || any;
    draw_marks(panel, y, plot, placer);
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

  bool draw_points(const Series& series, std::size_t index, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    const ResolvedStyle style = resolve_style(series, index);
    if (style.marker == Marker::kNone) return false;
    std::vector<PixelPoint> points;
    for (const PixelPoint& p : pixels(series, y)) {
      if (!std::isnan(p.x) && !std::isnan(p.y) && plot.holds(p.x, p.y)) points.push_back(p);
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
    for (const PixelPoint& p : points) placer.add_line(p.x - 3, p.y, p.x + 3, p.y);
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

  // Vertical ones stand before filled areas, the others behind the curves.
  void draw_references(const Panel& panel, bool vertical, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    for (std::size_t i = 0; i < most(panel.lines.size()); ++i) {
      if ((panel.lines[i].kind == ReferenceLine::Kind::kVertical) == vertical) draw_reference(panel.lines[i], y, plot, placer);
    }
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
      for (const auto& [px, py] : {std::pair{x1, y1}, std::pair{x2, y2}}) {
        bars.move_to(px - cap_x, py - cap_y);
        bars.line_to(px + cap_x, py + cap_y);
      }
      placer.add_line(x1, y1, x2, y2);
    };
    bar(left, cy, right, cy, 0, 5);
    bar(cx, low, cx, high, 5, 0);
    svg_.path(bars.text(), "ls " + colour_class(mark.colour), "stroke-width=\"1.8\"");
  }

  void draw_marks(const Panel& panel, const AxisScale& y, const Plot& plot, LabelPlacer& placer) {
    std::vector<std::pair<const Mark*, PixelPoint>> shown;
    for (std::size_t i = 0; i < most(panel.marks.size()); ++i) {
      const Mark& mark = panel.marks[i];
      const PixelPoint p{x_.pixel(mark.x), y.pixel(mark.y)};
      if (std::isnan(p.x) || std::isnan(p.y) || !plot.holds(p.x, p.y)) continue;
      draw_marker(svg_, resolve_marker(mark.shape, mark.colour), mark.colour, p.x, p.y, 5);
      placer.block({p.x - 6, p.y - 6, 12, 12});
      shown.emplace_back(&mark, p);
    }
    PlotTexts texts(svg_, x_, y, plot, placer);
    for (const auto& [mark, p] : shown) texts.mark(*mark, p);
    for (std::size_t i = 0; i < most(panel.lines.size()); ++i) texts.reference(panel.lines[i]);
    for (std::size_t i = 0; i < most(panel.guides.size()); ++i) texts.guide(panel.guides[i].label, pixels(panel.guides[i], y));
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

Chart draw(const XyChart& chart) {
  check_sizes(chart);
  const std::string description = chart.description.empty() ? xy_description(chart) : chart.description;
  const XyDrawing drawing = draw_to_fit<XyDrawing>(chart);
  return finish_chart(drawing.svg(), drawing.width(), drawing.height(), chart.title, description, xy_numbers(chart));
}

}  // namespace gimbal::run
