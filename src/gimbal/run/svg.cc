#include "gimbal/run/svg.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "gimbal/base/text.h"

namespace gimbal::run {
namespace {

// Advance widths in 1/1000 em of U+0020..U+007E, from the metrics that Helvetica, Arial and Liberation Sans share.
constexpr std::array<std::uint16_t, 95> kRegular = {
    278, 278, 355, 556, 556, 889, 667, 191, 333,  333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667,  667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
    556, 222, 222, 500, 222, 833, 556, 556, 556,  556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584};
constexpr std::array<std::uint16_t, 95> kBold = {
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611,
    611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584};
// Letters outside ASCII: the mean of Latin Extended, Greek and Cyrillic in the same fonts is 0.58 to 0.65 em.
constexpr double kOtherEm = 0.62;
// Browsers differ by a hair in hinting and kerning.
constexpr double kSlack = 1.02;
constexpr double kExponentScale = 0.72;

struct CodePoint {
  std::uint32_t value;
  std::size_t bytes;
};

// Decodes one code point of valid UTF-8.
CodePoint decode(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t k) { return at + k < text.size() ? static_cast<unsigned char>(text[at + k]) : 0x80u; };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1Fu) << 6 | (byte(1) & 0x3Fu), 2};
  if (first < 0xF0) return {(first & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu), 3};
  return {(first & 0x07u) << 18 | (byte(1) & 0x3Fu) << 12 | (byte(2) & 0x3Fu) << 6 | (byte(3) & 0x3Fu), 4};
}

bool forbidden_in_xml(std::uint32_t c) {
  return (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F || c == 0xFFFE || c == 0xFFFF;
}

// Narrow signs that labels use often have their own entry; the rest goes by terminal class.
double em_width(std::uint32_t c, std::string_view bytes, bool bold) {
  if (c >= 0x20 && c < 0x7F) return (bold ? kBold : kRegular)[c - 0x20] / 1000.0;
  switch (c) {
    case 0xA0:
      return 0.278;
    case 0xB7:
      return 0.278;
    case 0xB0:
      return 0.400;
    case 0xB2:
    case 0xB3:
    case 0xB9:
      return 0.333;
    case 0x2212:
    case 0xD7:
    case 0xB1:
      return 0.584;
    case 0x2013:
      return 0.556;
    case 0x2026:
    case 0x2014:
      return 1.0;
    default:
      break;
  }
  return 0.5 * static_cast<double>(display_width(bytes)) * (display_width(bytes) == 2 ? 1.0 : 2 * kOtherEm);
}

// Valid UTF-8 in one line: every run of white space or control characters becomes one blank, none at the ends.
std::string one_line(std::string_view text) {
  const std::string valid = repair_utf8(text);
  std::string out;
  bool blank = false;
  for (std::size_t i = 0; i < valid.size();) {
    const CodePoint c = decode(valid, i);
    if (c.value <= 0x20 || c.value == 0x7F) {
      blank = !out.empty();
    } else {
      if (blank) out += ' ';
      blank = false;
      out.append(valid, i, c.bytes);
    }
    i += c.bytes;
  }
  return out;
}

// The number of bytes of the longest beginning of valid one-line `text` that is at most `max_width` wide.
std::size_t fitting_bytes(std::string_view text, double size_px, double max_width, bool bold) {
  double width = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const CodePoint c = decode(text, i);
    width += em_width(c.value, text.substr(i, c.bytes), bold) * size_px * kSlack;
    if (width > max_width) break;
    i += c.bytes;
  }
  return i;
}

std::string elide_line(std::string_view line, double size_px, double max_width, bool bold) {
  if (text_width(line, size_px, bold) <= max_width) return std::string(line);
  const double room = max_width - text_width("…", size_px, bold);
  if (room <= 0) return "…";
  return std::string(trim(line.substr(0, fitting_bytes(line, size_px, room, bold)))) + "…";
}

long tenths(double value) { return std::lround(std::clamp(std::isnan(value) ? 0.0 : value, -1e6, 1e6) * 10); }

// In paths the zero before a point is left out.
void append_tenths(std::string& out, long value, bool compact = false) {
  if (value < 0) {
    out += '-';
    value = -value;
  }
  char digits[24];
  int n = 0;
  long whole = value / 10;
  if (!compact || whole != 0 || value == 0) do {
      digits[n++] = static_cast<char>('0' + whole % 10);
      whole /= 10;
    } while (whole != 0);
  while (n > 0) out += digits[--n];
  if (const long part = value % 10; part != 0) {
    out += '.';
    out += static_cast<char>('0' + part);
  }
}

void append_pair(std::string& out, long x, long y) {
  append_tenths(out, x, true);
  if (y >= 0) out += ' ';
  append_tenths(out, y, true);
}

}  // namespace

std::string escape_markup(std::string_view text) {
  const std::string valid = repair_utf8(text);
  std::string out;
  out.reserve(valid.size() + 16);
  for (std::size_t i = 0; i < valid.size();) {
    const CodePoint c = decode(valid, i);
    switch (c.value) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (forbidden_in_xml(c.value)) {
          out += "\xEF\xBF\xBD";
        } else {
          out.append(valid, i, c.bytes);
        }
    }
    i += c.bytes;
  }
  return out;
}

double text_width(std::string_view text, double size_px, bool bold) {
  const std::string valid = repair_utf8(text);
  double em = 0;
  for (std::size_t i = 0; i < valid.size();) {
    const CodePoint c = decode(valid, i);
    em += em_width(c.value, std::string_view(valid).substr(i, c.bytes), bold);
    i += c.bytes;
  }
  return em * size_px * kSlack;
}

double text_width(std::string_view text, const TextStyle& style) {
  return text_width(text, style.size, style.bold) + text_width(style.exponent, style.size * kExponentScale, style.bold);
}

std::string elide(std::string_view text, double size_px, double max_width, bool bold) {
  return elide_line(one_line(text), size_px, max_width, bold);
}

std::vector<std::string> wrap_text(std::string_view text, double size_px, double max_width, std::size_t max_lines, bool bold) {
  std::vector<std::string> lines;
  const std::string flat = one_line(text);
  std::string_view rest = flat;
  while (!rest.empty() && max_lines > 0) {
    if (lines.size() + 1 == max_lines) {
      lines.push_back(elide_line(rest, size_px, max_width, bold));
      break;
    }
    std::size_t cut = fitting_bytes(rest, size_px, max_width, bold);
    if (cut < rest.size()) {
      const std::string_view head = rest.substr(0, cut + (rest[cut] == ' ' ? 1 : 0));
      if (const std::size_t blank = head.rfind(' '); blank != std::string_view::npos && blank > 0) {
        cut = blank;
      } else if (const std::size_t sign = head.find_last_of("/_-.,:=");
                 sign != std::string_view::npos && 2 * (sign + 1) >= cut) {
        cut = sign + 1;
      }
      if (cut == 0) cut = decode(rest, 0).bytes;  // narrower than one character
    }
    lines.emplace_back(trim(rest.substr(0, cut)));
    rest = trim(rest.substr(cut));
  }
  return lines;
}

std::string shorten(std::string_view text, std::size_t max_points) {
  const std::string valid = repair_utf8(text);
  std::size_t i = 0, points = 0;
  while (i < valid.size() && points < max_points) {
    i += decode(valid, i).bytes;
    ++points;
  }
  return i < valid.size() ? valid.substr(0, i) + "…" : valid;
}

void append_coordinate(std::string& out, double value) { append_tenths(out, tenths(value)); }

std::string coordinate(double value) {
  std::string out;
  append_coordinate(out, value);
  return out;
}

void SvgPath::move_to(double x, double y) {
  x_ = tenths(x);
  y_ = tenths(y);
  d_ += 'M';
  append_pair(d_, x_, y_);
  last_ = 'M';
}

void SvgPath::line_to(double x, double y) {
  const long dx = tenths(x) - x_, dy = tenths(y) - y_;
  if (dx == 0 && dy == 0 && last_ != 'M') return;  // a step of nothing; after a move it makes the dot of a lone point
  if (dy == 0) {
    d_ += 'h';
    append_tenths(d_, dx, true);
    last_ = 'h';
  } else if (dx == 0) {
    d_ += 'v';
    append_tenths(d_, dy, true);
    last_ = 'v';
  } else {
    if (last_ != 'l') {
      d_ += 'l';
    } else if (dx >= 0) {
      d_ += ' ';
    }
    append_pair(d_, dx, dy);
    last_ = 'l';
  }
  x_ += dx;
  y_ += dy;
}

void SvgPath::close() {
  d_ += 'z';
  last_ = 'z';
}

void SvgWriter::rect(double x, double y, double width, double height, std::string_view css, std::string_view attributes) {
  body_ += "<rect x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" width=\"" + coordinate(std::max(0.0, width)) +
           "\" height=\"" + coordinate(std::max(0.0, height)) + "\" class=\"";
  body_ += css;
  body_ += '"';
  body_ += attributes.empty() ? "" : " ";
  body_ += attributes;
  body_ += "/>";
}

void SvgWriter::line(double x1, double y1, double x2, double y2, std::string_view css, std::string_view attributes) {
  SvgPath path;
  path.move_to(x1, y1);
  path.line_to(x2, y2);
  this->path(path.text(), css, attributes);
}

void SvgWriter::path(std::string_view d, std::string_view css, std::string_view attributes) {
  if (d.empty()) return;
  body_ += "<path d=\"";
  body_ += d;
  body_ += "\" class=\"";
  body_ += css;
  body_ += '"';
  body_ += attributes.empty() ? "" : " ";
  body_ += attributes;
  body_ += "/>";
}

void SvgWriter::text(double x, double y, std::string_view content, const TextStyle& style) {
  if (content.empty() && style.exponent.empty()) return;
  body_ += "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" class=\"";
  body_ += style.css;
  body_ += '"';
  if (style.size != 12) body_ += " font-size=\"" + coordinate(style.size) + "\"";
  if (style.bold) body_ += " font-weight=\"bold\"";
  if (style.anchor != Anchor::kStart)
    body_ += style.anchor == Anchor::kEnd ? " text-anchor=\"end\"" : " text-anchor=\"middle\"";
  if (style.rotate != 0) {
    body_ += " transform=\"rotate(" + coordinate(style.rotate) + " " + coordinate(x) + " " + coordinate(y) + ")\"";
  }
  body_ += '>';
  if (!style.full.empty() && style.full != content) title(style.full);
  body_ += escape_markup(content);
  if (!style.exponent.empty()) {
    body_ +=
        "<tspan dy=\"" + coordinate(-0.38 * style.size) + "\" font-size=\"" + coordinate(kExponentScale * style.size) + "\">";
    body_ += escape_markup(style.exponent);
    body_ += "</tspan>";
  }
  body_ += "</text>";
}

void SvgWriter::open_group(std::string_view attributes) {
  body_ += attributes.empty() ? "<g" : "<g ";
  body_ += attributes;
  body_ += '>';
}

void SvgWriter::close_group() { body_ += "</g>"; }

// Long enough for any label a person would read in a tool tip, short enough to keep the picture small.
constexpr std::size_t kTitlePoints = 200;

void SvgWriter::title(std::string_view text) {
  if (tool_tips_) body_ += "<title>" + escape_markup(shorten(one_line(text), kTitlePoints)) + "</title>";
}

}  // namespace gimbal::run
