// Draws TreeChart. Subtrees are placed as close to each other as their outlines allow (Reingold and Tilford 1981, with boxes of
// their own sizes), a parent in the middle above its children. Trees that would be too wide grow from left to right instead.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/run/chart_theme.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

constexpr double kEdge = 6;
constexpr double kTextSize = 12, kLineSize = 11.5, kEdgeSize = 11.5;
constexpr double kLineHeight = 15;
constexpr double kPadding = 9;
constexpr double kMaxText = 176;  // widest text in a node before it wraps
constexpr double kMaxEdgeText = 130;
constexpr double kSiblingGap = 16;
constexpr double kMaxNodes = 300;  // some 600 bytes a node
constexpr std::size_t kMaxLines = 8;

struct Placed {
  std::size_t index = 0;
  std::size_t depth = 0;
  std::vector<std::size_t> children;  // places in the list of placed nodes
  std::vector<std::string> bold, plain;
  std::string edge;  // the text on the way from its parent
  double edge_width = 0;
  double width = 0, height = 0;
  double across = 0;  // centre, perpendicular to the direction of growth
  double along = 0;   // near side, in the direction of growth
};

// Breadth first, so that what is left out of a huge tree is its deepest part.
std::vector<Placed> order_nodes(const TreeChart& chart, std::size_t most_nodes) {
  std::vector<Placed> placed;
  if (chart.nodes.empty()) return placed;
  std::vector<bool> seen(chart.nodes.size());
  placed.emplace_back();
  seen[0] = true;
  for (std::size_t p = 0; p < placed.size(); ++p) {
    const TreeNode& node = chart.nodes[placed[p].index];
    GIMBAL_CHECK(node.edges.empty() || node.edges.size() == node.children.size(),
                 "a tree node needs a text for each edge or none");
    for (std::size_t k = 0; k < node.children.size(); ++k) {
      const std::size_t child = node.children[k];
      GIMBAL_CHECK(child < chart.nodes.size() && !seen[child], "every node of a tree but the root has one parent");
      seen[child] = true;
      Placed next;
      next.index = child;
      next.depth = placed[p].depth + 1;
      if (!node.edges.empty()) next.edge = elide(node.edges[k], kEdgeSize, kMaxEdgeText);
      placed[p].children.push_back(placed.size());
      placed.push_back(std::move(next));
    }
  }
  GIMBAL_CHECK(placed.size() == chart.nodes.size(), "every node of a tree must be reached from the root");
  if (placed.size() > most_nodes) {
    placed.resize(most_nodes);
    for (Placed& node : placed) std::erase_if(node.children, [&](std::size_t child) { return child >= most_nodes; });
  }
  return placed;
}

void size_node(const TreeNode& node, Placed& placed) {
  placed.bold = wrap_text(node.text, kTextSize, kMaxText, 3, true);
  for (const std::string& line : node.lines) {
    for (std::string& part : wrap_text(line, kLineSize, kMaxText, 3)) {
      if (placed.plain.size() < kMaxLines) placed.plain.push_back(std::move(part));
    }
  }
  double text = 24;
  for (const std::string& line : placed.bold) text = std::max(text, text_width(line, kTextSize, true));
  for (const std::string& line : placed.plain) text = std::max(text, text_width(line, kLineSize));
  placed.width = text + 2 * kPadding;
  placed.height =
      kLineHeight * static_cast<double>(std::max<std::size_t>(1, placed.bold.size() + placed.plain.size())) + 2 * kPadding - 4;
  placed.edge_width = placed.edge.empty() ? 0 : text_width(placed.edge, kEdgeSize) + 8;
}

// The outline of a subtree: the extreme coordinates across at each depth, relative to its root.
struct Outline {
  std::vector<double> lo, hi;
};

// Places the children of every node, leaves first; `across` becomes relative to the parent. `extent`: a node's size across.
template <typename ExtentOf>
Outline place_subtrees(std::vector<Placed>& nodes, ExtentOf extent) {
  std::vector<Outline> outlines(nodes.size());
  for (std::size_t p = nodes.size(); p-- > 0;) {  // children stand behind their parents
    Placed& node = nodes[p];
    Outline all;
    std::vector<double> centres;
    for (const std::size_t c : node.children) {
      const Outline& next = outlines[c];
      double shift = 0;
      for (std::size_t d = 0; d < std::min(all.hi.size(), next.lo.size()); ++d) {
        shift = std::max(shift, all.hi[d] + kSiblingGap - next.lo[d]);
      }
      if (centres.empty()) shift = 0;
      centres.push_back(shift);
      for (std::size_t d = 0; d < next.lo.size(); ++d) {
        if (d == all.lo.size()) {
          all.lo.push_back(next.lo[d] + shift);
          all.hi.push_back(next.hi[d] + shift);
        } else {
          all.lo[d] = std::min(all.lo[d], next.lo[d] + shift);
          all.hi[d] = std::max(all.hi[d], next.hi[d] + shift);
        }
      }
    }
    const double middle = centres.empty() ? 0 : (centres.front() + centres.back()) / 2;
    for (std::size_t k = 0; k < node.children.size(); ++k) nodes[node.children[k]].across = centres[k] - middle;
    Outline own;
    own.lo.push_back(-extent(node) / 2);
    own.hi.push_back(extent(node) / 2);
    for (std::size_t d = 0; d < all.lo.size(); ++d) {
      own.lo.push_back(all.lo[d] - middle);
      own.hi.push_back(all.hi[d] - middle);
    }
    outlines[p] = std::move(own);
    for (const std::size_t c : node.children) outlines[c] = {};
  }
  return outlines[0];
}

class TreeDrawing {
 public:
  TreeDrawing(const TreeChart& chart, double detail)
      : chart_(chart), nodes_(order_nodes(chart, static_cast<std::size_t>(std::ceil(kMaxNodes * detail)))) {
    if (detail < 1) svg_.drop_tool_tips();
    for (Placed& node : nodes_) size_node(chart.nodes[node.index], node);
  }

  void run() {
    const double wished = std::clamp(chart_.width, 240.0, 4000.0);
    if (nodes_.empty()) {
      width_ = wished;
      const double y = draw_heading(svg_, width_, chart_.title, chart_.subtitle);
      draw_no_data(svg_, 0, y, width_, 80);
      height_ = y + 80;
      return;
    }
    const double down_width = lay_out(true);
    // A third more than wished is still better read from top to bottom.
    down_ = down_width <= 1.34 * wished;
    const double across = down_ ? down_width : lay_out(false);
    width_ = std::max(down_ ? across : along_end_ + kEdge, wished);
    std::string subtitle = chart_.subtitle;
    if (chart_.nodes.size() > nodes_.size()) {
      subtitle +=
          fmt::format("{}The first {} of {} nodes are drawn.", subtitle.empty() ? "" : " ", nodes_.size(), chart_.nodes.size());
    }
    top_ = draw_heading(svg_, width_, chart_.title, subtitle) + 6;
    // A narrow tree stands in the middle.
    if (down_) shift_ = (width_ - across) / 2;
    height_ = top_ + (down_ ? along_end_ : across) + kEdge;
    for (const Placed& node : nodes_) draw_edges(node);
    for (const Placed& node : nodes_) draw_node(node);
  }

  const SvgWriter& svg() const { return svg_; }
  double width() const { return width_; }
  double height() const { return height_; }

 private:
  // Fills `across` (absolute, from kEdge on) and `along`; returns the size across.
  double lay_out(bool down) {
    const auto extent = [&](const Placed& node) { return down ? std::max(node.width, node.edge_width) : node.height; };
    const Outline outline = place_subtrees(nodes_, extent);
    const double lo = *std::min_element(outline.lo.begin(), outline.lo.end());
    const double hi = *std::max_element(outline.hi.begin(), outline.hi.end());
    nodes_[0].across = kEdge - lo;
    for (const Placed& node : nodes_) {
      for (const std::size_t c : node.children) nodes_[c].across += node.across;
    }
    std::vector<double> level(outline.lo.size()), gap(outline.lo.size());
    for (const Placed& node : nodes_) {
      level[node.depth] = std::max(level[node.depth], down ? node.height : node.width);
      gap[node.depth] = std::max(gap[node.depth], down ? (node.edge.empty() ? 34.0 : 52.0) : 36 + node.edge_width);
    }
    std::vector<double> start(level.size());
    double end = down ? 0 : kEdge;
    for (std::size_t d = 0; d < level.size(); ++d) {
      start[d] = end + (d == 0 ? 0 : gap[d]);
      end = start[d] + level[d];
    }
    for (Placed& node : nodes_) node.along = start[node.depth];
    along_end_ = end;
    return hi - lo + 2 * kEdge;
  }

  double left(const Placed& node) const { return down_ ? node.across - node.width / 2 + shift_ : node.along; }
  double top(const Placed& node) const { return top_ + (down_ ? node.along : node.across - node.height / 2 - kEdge); }

  void draw_edges(const Placed& node) {
    SvgPath path;
    for (const std::size_t c : node.children) {
      const Placed& child = nodes_[c];
      if (down_) {
        const double x1 = node.across + shift_, y1 = top(node) + node.height, x2 = child.across + shift_, y2 = top(child);
        const double bend = y2 - (child.edge.empty() ? 17 : 34);
        path.move_to(x1, y1);
        path.line_to(x1, bend);
        path.line_to(x2, bend);
        path.line_to(x2, y2);
      } else {
        const double x1 = left(node) + node.width, y1 = top(node) + node.height / 2, x2 = left(child),
                     y2 = top(child) + child.height / 2;
        const double bend = x2 - 20 - child_edge_room(node);
        path.move_to(x1, y1);
        path.line_to(bend, y1);
        path.line_to(bend, y2);
        path.line_to(x2, y2);
      }
    }
    svg_.path(path.text(), "ax", "stroke-width=\"1.2\"");
    for (std::size_t k = 0; k < node.children.size(); ++k) {
      const Placed& child = nodes_[node.children[k]];
      if (child.edge.empty()) continue;
      const double w = child.edge_width;
      const double x = down_ ? child.across + shift_ : left(child) - 10 - w / 2,
                   y = down_ ? top(child) - 17 : top(child) + child.height / 2;
      svg_.rect(x - w / 2, y - 8, w, 16, "bg");
      svg_.text(x, y + 4, child.edge,
                {.size = kEdgeSize, .anchor = Anchor::kMiddle, .css = "mu", .full = chart_.nodes[node.index].edges[k]});
    }
  }

  double child_edge_room(const Placed& node) const {
    double room = 0;
    for (const std::size_t c : node.children) room = std::max(room, nodes_[c].edge_width);
    return room;
  }

  void draw_node(const Placed& node) {
    const TreeNode& source = chart_.nodes[node.index];
    const double x = left(node), y = top(node);
    const bool neutral = source.colour == kAutoColour;
    svg_.rect(x, y, node.width, node.height, "bg", "rx=\"4\"");
    if (neutral) {
      svg_.rect(x, y, node.width, node.height, "ax", "rx=\"4\"");
    } else {
      const std::string colour = colour_class(source.colour);
      svg_.rect(x, y, node.width, node.height, "ba " + colour, "rx=\"4\" fill-opacity=\"0.1\"");
      svg_.rect(x, y, node.width, node.height, "ls " + colour, "rx=\"4\" stroke-width=\"1.2\"");
      svg_.rect(x, y, 4, node.height, "ba " + colour, "rx=\"2\"");
    }
    double base = y + kPadding + 9;
    const double centre = x + node.width / 2 + (neutral ? 0 : 1.5);
    for (const std::string& line : node.bold) {
      svg_.text(centre, base, line,
                {.size = kTextSize,
                 .bold = true,
                 .anchor = Anchor::kMiddle,
                 .full = line.ends_with("…") ? std::string_view(source.text) : std::string_view{}});
      base += kLineHeight;
    }
    for (const std::string& line : node.plain) {
      svg_.text(centre, base, line, {.size = kLineSize, .anchor = Anchor::kMiddle, .css = "mu"});
      base += kLineHeight;
    }
  }

  const TreeChart& chart_;
  std::vector<Placed> nodes_;
  bool down_ = true;
  double width_ = 0, height_ = 0, top_ = 0, shift_ = 0, along_end_ = 0;
  SvgWriter svg_;
};

ReportTable tree_numbers(const TreeChart& chart) {
  ReportTable table;
  table.columns = {
      {"node", "", Align::kLeft}, {"parent", "", Align::kLeft}, {"edge", "", Align::kLeft}, {"text", "", Align::kLeft}};
  std::vector<std::string> parent(chart.nodes.size()), edge(chart.nodes.size());
  for (std::size_t i = 0; i < chart.nodes.size(); ++i) {
    for (std::size_t k = 0; k < chart.nodes[i].children.size(); ++k) {
      parent[chart.nodes[i].children[k]] = std::to_string(i);
      if (!chart.nodes[i].edges.empty()) edge[chart.nodes[i].children[k]] = chart.nodes[i].edges[k];
    }
  }
  for (std::size_t i = 0; i < std::min(chart.nodes.size(), kMaxTableRows); ++i) {
    std::string text = chart.nodes[i].text;
    for (const std::string& line : chart.nodes[i].lines) text += "; " + line;
    table.rows.push_back({std::to_string(i), parent[i], edge[i], std::move(text)});
  }
  if (chart.nodes.size() > kMaxTableRows)
    table.notes.push_back(fmt::format("The first {} of {} nodes.", kMaxTableRows, chart.nodes.size()));
  return table;
}

std::string tree_description(const TreeChart& chart) {
  std::size_t leaves = 0;
  for (const TreeNode& node : chart.nodes) leaves += node.children.empty() ? 1 : 0;
  std::string text = fmt::format("Tree of {} nodes with {} leaves.", chart.nodes.size(), leaves);
  if (!chart.nodes.empty()) text += " Root: " + shorten(chart.nodes[0].text, 100) + ".";
  return text;
}

}  // namespace

Chart draw(const TreeChart& chart) {
  const TreeDrawing drawing = draw_to_fit<TreeDrawing>(chart);
  return finish_chart(drawing.svg(), drawing.width(), drawing.height(), chart.title,
                      chart.description.empty() ? tree_description(chart) : chart.description, tree_numbers(chart));
}

}  // namespace gimbal::run
