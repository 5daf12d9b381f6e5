// The SVG kit: text measurement and fitting, compact paths, and a writer of escaped elements. Every chart kind stands on it.
//
// Widths come from a table of advance widths of Helvetica, Arial and Liberation Sans (equal by design), which the charts' font
// list puts first, so that labels can be placed without a font engine. Coordinates are rounded to a tenth of a pixel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal::run {

// Text as it may stand in SVG and HTML, in elements and in quoted attributes: & < > " ' are escaped; bytes that are not UTF-8
// and characters that XML 1.0 forbids become U+FFFD; tabs and line ends are kept.
std::string escape_markup(std::string_view text);

// The width of one line in pixels; code points outside the table count by class (wide 1 em, combining 0).
double text_width(std::string_view text, double size_px, bool bold = false);

// The longest beginning that fits with "…" in its place, or the text itself.
std::string elide(std::string_view text, double size_px, double max_width, bool bold = false);

// Lines of at most `max_width`, broken at blanks, else after one of /_-.,:= or between characters; the last of `max_lines` is
// elided. White space of any kind and control characters count as one blank.
std::vector<std::string> wrap_text(std::string_view text, double size_px, double max_width, std::size_t max_lines,
                                   bool bold = false);

// At most `max_points` code points, valid, with "…" for what is left out.
std::string shorten(std::string_view text, std::size_t max_points);

// A coordinate at a tenth of a pixel: "12.3", "-4", "0". Values beyond +-1e6 are cut there.
void append_coordinate(std::string& out, double value);
std::string coordinate(double value);

// The `d` of a path. Points are rounded to tenths first, so that relative steps do not drift.
class SvgPath {
 public:
  void move_to(double x, double y);
  void line_to(double x, double y);
  void close();
  bool empty() const { return d_.empty(); }
  std::size_t size() const { return d_.size(); }
  const std::string& text() const { return d_; }

 private:
  std::string d_;
  long x_ = 0, y_ = 0;  // tenths
  char last_ = 0;
};

enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  bool bold = false;
  Anchor anchor = Anchor::kStart;
  std::string_view css = "tx";     // class names
  double rotate = 0;               // degrees around (x, y)
  std::string_view exponent = {};  // printed small and raised after the text: "10" and "6"
  std::string_view full = {};      // what was elided: shown by the browser as a tool tip
};

// Writes elements one after the other. Class names and raw attributes come from the program, texts from anywhere.
class SvgWriter {
 public:
  void rect(double x, double y, double width, double height, std::string_view css, std::string_view attributes = {});
  void line(double x1, double y1, double x2, double y2, std::string_view css, std::string_view attributes = {});
  void path(std::string_view d, std::string_view css, std::string_view attributes = {});
  // `y` is the base line.
  void text(double x, double y, std::string_view content, const TextStyle& style = {});
  void open_group(std::string_view attributes);
  void close_group();
  void title(std::string_view text);             // <title>: the tool tip of the group it stands in
  void drop_tool_tips() { tool_tips_ = false; }  // from here on: pictures that would become too large
  void raw(std::string_view markup) { body_ += markup; }

  const std::string& body() const { return body_; }
  std::size_t size() const { return body_.size(); }

 private:
  std::string body_;
  bool tool_tips_ = true;
};

// The width of a text with its exponent, as SvgWriter::text draws it.
double text_width(std::string_view text, const TextStyle& style);

}  // namespace gimbal::run
