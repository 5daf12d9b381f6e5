// Charts as SVG: values in, one self-contained picture out.
//
// A chart is described by a value (XyChart, DistributionChart, DotPlot, HeatMap, TreeChart) and drawn by `draw`. The result
// has no script and no outside reference, follows the reader's light or dark scheme (also alone, as an .svg file), carries
// <title> and <desc>, tells series apart by dash and marker shape as well as by colour, stays below kMaxSvgBytes for any
// number of points, and is the same bytes for the same input. With the picture come its numbers as a table, which reports
// show under <details>.
//
// All texts are plain UTF-8 and may hold anything: they are escaped, and invalid bytes become U+FFFD. Values that are not
// finite leave gaps. Empty input draws an empty frame that says "no data".
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/run/report_table.h"

namespace gimbal::run {

inline constexpr std::size_t kMaxSvgBytes = 200'000;
inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

// A drawn chart. `svg` is one <svg> element, fit for a file or for the middle of an HTML page; `id` is the prefix of every id
// in it (a hash of the content), so that many charts share a page. `numbers` holds at most kMaxTableRows rows.
inline constexpr std::size_t kMaxTableRows = 200;
struct Chart {
  std::string id = {};
  std::string title = {};
  std::string svg = {};
  ReportTable numbers;
};

enum class Scale {
  kLinear,
  kLog,   // base 10; values <= 0 leave gaps
  kTime,  // x in seconds since the epoch, UTC
};

struct Axis {
  std::string title = {};  // "improvement"
  std::string unit = {};   // "per 100 people"; printed as "improvement (per 100 people)"
  Scale scale = Scale::kLinear;
  std::optional<double> min = {}, max = {};  // fixed ends; without them the data's, with some room, at round numbers
  bool percent = false;                      // values are shares: 0.25 reads "25 %"
  bool include_zero = false;                 // stretch the axis to zero
};

enum class Dash { kAuto, kSolid, kDashed, kDotted, kDashDot };  // kAuto: by the series' colour number
enum class Marker { kNone, kAuto, kCircle, kSquare, kTriangle, kDiamond, kCross, kPlus, kTriangleDown, kStar };
inline constexpr int kAutoColour = -1;  // the series' position in its list
inline constexpr int kInk = -2;         // the text colour: for results that stand above the series
inline constexpr int kPaletteSize = 8;  // colours 0..7; larger numbers start again with other dashes

struct SeriesStyle {
  int colour = kAutoColour;
  Dash dash = Dash::kAuto;
  bool line = true;               // false: points alone
  bool step = false;              // step form: y holds from its x until the next
  Marker marker = Marker::kNone;  // kAuto: by the series' colour number; points alone always have one
  double width = 2;               // of the line, in pixels
  bool fill = false;              // shade the area between the line and zero
};

// An uncertainty band around a series: lo and hi have the size of the series' x.
struct Band {
  std::vector<double> lo = {}, hi = {};
  std::string label = {};  // "95 % pointwise"; goes into the legend
};

struct Series {
  std::string label = {};
  std::vector<double> x = {}, y = {};  // the same size; lines run in the order given
  std::vector<Band> bands = {};        // any order; wider ones are drawn paler
  SeriesStyle style = {};
};

// A point of its own with a text beside it; with lo/hi it has error bars in x, in y, or in both (the cross of a tested result).
struct Mark {
  double x = 0, y = 0;
  std::string label = {};
  double x_lo = kNoValue, x_hi = kNoValue, y_lo = kNoValue, y_hi = kNoValue;
  Marker shape = Marker::kDiamond;
  int colour = kInk;
};

struct ReferenceLine {
  enum class Kind { kHorizontal, kVertical, kDiagonal };  // kDiagonal: y = x
  Kind kind = Kind::kHorizontal;
  double at = 0;  // unused by kDiagonal
  std::string label = {};
};

// One plotting area. The panels of a chart stand below each other and share the x axis.
struct Panel {
  Axis y = {};
  std::vector<Series> series = {};
  std::vector<Series> guides = {};  // iso-curves: thin, muted, labelled at their end, not in legend and numbers
  std::vector<ReferenceLine> lines = {};
  std::vector<Mark> marks = {};
  double height = 300;  // of the plotting area, in pixels
};

// Lines with bands, markers and reference lines; step form; scatter (style.line = false) with diagonal, iso-curves (guides)
// and Pareto steps (style.step = true). A series with the same label in two panels appears once in the legend.
struct XyChart {
  std::string title = {};
  std::string subtitle = {};
  std::string description = {};  // for <desc>; empty: made from titles, labels and ranges
  Axis x = {};
  std::vector<Panel> panels = {};
  double width = 720;   // of the whole picture, in pixels
  bool square = false;  // equal units on both axes (same range): scatter with a diagonal
};
Chart draw(const XyChart& chart);

// A weighted sample. `weights` is empty or has the size of `values`; values that are not finite are left out.
struct Sample {
  std::string label = {};
  std::vector<double> values = {};
  std::vector<double> weights = {};
};

// The distribution of one or several samples.
struct DistributionChart {
  enum class Kind {
    kHistogram,  // bars (one sample) or outlines (several); height: share of the sample's weight in the bin, or counts
    kDensity,    // Gaussian kernel density, Silverman's bandwidth (1986, eq. 3.31); log axis: density of log10 x
    kEcdf,       // share at or below x
  };
  std::string title = {};
  std::string subtitle = {};
  std::string description = {};
  Axis x = {};
  Kind kind = Kind::kHistogram;
  std::vector<Sample> samples = {};
  int bins = 0;                           // 0: Freedman and Diaconis (1981) between 8 and 60, at round edges
  bool counts = false;                    // histogram of counts (or summed weights) instead of shares
  std::string what = {};                  // what is counted: "people", "weights"; for the y axis
  std::vector<ReferenceLine> lines = {};  // vertical ones
  double width = 720;
  double height = 260;  // of the plotting area
};
Chart draw(const DistributionChart& chart);

// Estimates with intervals, one row a subject: a forest plot. Rows stand in groups; several estimates of one row (promised,
// tested; old, new) stand below each other in the row.
struct DotEstimate {
  double value = kNoValue, lo = kNoValue, hi = kNoValue;  // lo, hi may be missing
};
struct DotRow {
  std::string label = {};
  std::vector<DotEstimate> estimates = {};  // one for each entry of DotPlot::series, or one where `series` is empty
  std::string note = {};                    // small text at the right, instead of the numbers
  bool strong = false;                      // drawn in bold: a total
};
struct DotGroup {
  std::string label = {};  // empty: no heading
  std::vector<DotRow> rows = {};
};
struct DotPlot {
  std::string title = {};
  std::string subtitle = {};
  std::string description = {};
  Axis x = {};
  std::vector<std::string> series = {};  // legend of the estimates in a row; empty: one estimate a row
  std::vector<DotGroup> groups = {};
  std::optional<double> zero = 0.0;  // the line of no effect; nullopt: none
  std::string zero_label = {};
  bool numbers = true;   // print "value [lo, hi]" at the right
  bool connect = false;  // join the estimates of a row by a line: old against new
  double width = 720;
};
Chart draw(const DotPlot& chart);

// A matrix in colours. Row 0 is at the top.
struct HeatGroup {
  std::string label = {};
  std::size_t rows = 0;  // how many rows belong to it; the sizes of all groups sum to the number of rows
};
struct HeatMap {
  std::string title = {};
  std::string subtitle = {};
  std::string description = {};
  std::string row_title = {}, column_title = {};
  std::vector<std::string> rows = {}, columns = {};  // labels; sizes as `values`, or empty
  std::vector<HeatGroup> groups = {};                // empty: one group without a heading
  Matrix values = {};                                // not finite: "no data", hatched
  std::string value_title = {};                      // of the colour scale: "mean probability"
  std::string unit = {};
  bool percent = false;
  bool diverging = false;  // two hues around `centre`; otherwise one hue from min to max
  double centre = 0;
  std::optional<double> min = {}, max = {};  // ends of the colour scale
  bool numbers = true;                       // print the values where the cells are large enough
  int digits = 2;                            // significant digits of the printed values
  double width = 720;
};
Chart draw(const HeatMap& chart);

// A tree with texts on nodes and edges: policy trees, query plans. Node 0 is the root.
struct TreeNode {
  std::string text = {};                // bold first line
  std::vector<std::string> lines = {};  // further lines
  std::vector<std::size_t> children = {};
  std::vector<std::string> edges = {};  // text on the edge to each child: "yes", "age <= 40"; empty or the size of `children`
  int colour = kAutoColour;             // palette number of the node's bar and border; kAutoColour: neutral
};
struct TreeChart {
  std::string title = {};
  std::string subtitle = {};
  std::string description = {};
  std::vector<TreeNode> nodes = {};  // a tree: every node but 0 is the child of exactly one (checked)
  double width = 720;                // wished for; wide trees are drawn from left to right, and may be wider
};
Chart draw(const TreeChart& chart);

}  // namespace gimbal::run
