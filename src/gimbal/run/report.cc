#include "gimbal/run/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "gimbal/base/check.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/text.h"
#include "gimbal/run/report_markup.h"
#include "gimbal/run/report_style.h"
#include "gimbal/run/svg.h"

namespace gimbal::run {
namespace {

constexpr std::string_view kMinus = "\u2212";
constexpr std::size_t kContentsFrom = 4;  // titled sections

// A cell that reads as a number: an optional relation, sign, digits with commas, fraction, exponent, and a short unit.
struct NumberCell {
  bool number = false;
  bool plain = false;        // nothing after the digits and the fraction: can be aligned at the point
  std::size_t fraction = 0;  // characters from the decimal point on
};

NumberCell read_number(std::string_view text) {
  std::string_view rest = trim(text);
  for (const std::string_view sign : {"<", ">", "≤", "≥", "≈"}) {
    if (rest.starts_with(sign)) {
      rest = trim(rest.substr(sign.size()));
      break;
    }
  }
  for (const std::string_view sign : {std::string_view("+"), std::string_view("-"), kMinus}) {
    if (rest.starts_with(sign)) {
      rest = rest.substr(sign.size());
      break;
    }
  }
  const auto digits = [&](bool commas) {
    std::size_t n = 0;
    while (n < rest.size() && ((rest[n] >= '0' && rest[n] <= '9') || (commas && n > 0 && rest[n] == ','))) ++n;
    return n;
  };
  const std::size_t whole = digits(true);
  if (whole == 0) return {rest == "inf" || rest == "∞", false, 0};
  rest = rest.substr(whole);
  NumberCell cell{true, true, 0};
  if (rest.starts_with(".")) {
    rest = rest.substr(1);
    const std::size_t n = digits(false);
    cell.fraction = n + 1;
    rest = rest.substr(n);
  }
  if (rest.empty()) return cell;
  cell.plain = false;
  if (rest[0] == 'e' || rest[0] == 'E') {
    rest = rest.substr(rest.size() > 1 && (rest[1] == '+' || rest[1] == '-') ? 2 : 1);
    rest = rest.substr(digits(false));
  }
  rest = trim(rest);
  // Units and intervals: "16.0 %", "12.3 ms", "0.52 [0.3, 0.7]". Words after a number make it a text.
  cell.number = rest.empty() || code_point_count(rest) <= 3 || (rest.front() == '[' && rest.back() == ']');
  return cell;
}

bool is_dash(std::string_view text) { return trim(text).empty() || text == "-" || text == "–" || text == "—" || text == "n/a"; }

struct ColumnLayout {
  Align align = Align::kLeft;
  std::size_t fraction = 0;  // the longest one, when all numbers can be aligned at the point; else 0
};

ColumnLayout lay_out_column(const ReportTable& table, std::size_t c) {
  const Align wished = table.columns[c].align;
  if (wished == Align::kLeft || wished == Align::kCentre) return {wished, 0};
  bool numbers = true, plain = true, any = false;
  std::size_t fraction = 0;
  for (const auto& row : table.rows) {
    if (is_dash(row[c])) continue;
    const NumberCell cell = read_number(row[c]);
    numbers = numbers && cell.number;
    plain = plain && cell.plain;
    fraction = std::max(fraction, cell.fraction);
    any = true;
  }
  if (wished == Align::kAuto && !(any && numbers)) return {Align::kLeft, 0};
  return {Align::kRight, any && numbers && plain ? fraction : 0};
}

std::string_view align_class(Align align) {
  return align == Align::kRight ? " class=\"r\"" : align == Align::kCentre ? " class=\"c\"" : "";
}

class Writer {
 public:
  explicit Writer(const Report& report) : report_(report) {}

  std::string run() {
    const std::string title = report_.title.empty() ? "Report" : report_.title;
    out_ =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
        escape_markup(title) + "</title>\n<style>";
    out_ += kReportStyle;
    out_ += "</style>\n</head>\n<body>\n<main>\n<header>\n<h1>" + escape_markup(title) + "</h1>\n";
    if (!report_.subtitle.empty()) out_ += "<p class=\"subtitle\">" + escape_markup(report_.subtitle) + "</p>\n";
    out_ += "</header>\n";
    // What opens the report without a title is its summary: it is read before the contents.
    std::size_t first = 0;
    for (; first < report_.sections.size() && report_.sections[first].title.empty(); ++first) {
      section(report_.sections[first], first);
    }
    contents();
    for (std::size_t i = first; i < report_.sections.size(); ++i) section(report_.sections[i], i);
    if (!report_.footer.empty()) out_ += "<footer>" + escape_markup(report_.footer) + "</footer>\n";
    out_ += "</main>\n</body>\n</html>\n";
    return std::move(out_);
  }

 private:
  void contents() {
    const auto titled = std::count_if(report_.sections.begin(), report_.sections.end(),
                                      [](const ReportSection& s) { return !s.title.empty() && s.level <= 2; });
    if (static_cast<std::size_t>(titled) < kContentsFrom) return;
    out_ += "<nav aria-label=\"Contents\"><ol>";
    for (std::size_t i = 0; i < report_.sections.size(); ++i) {
      const ReportSection& s = report_.sections[i];
      if (!s.title.empty() && s.level <= 2)
        out_ += fmt::format("<li><a href=\"#s{}\">{}</a></li>", i + 1, escape_markup(s.title));
    }
    out_ += "</ol></nav>\n";
  }

  void section(const ReportSection& section, std::size_t index) {
    const int level = section.level <= 2 ? 2 : 3;
    out_ += fmt::format("<section id=\"s{}\">\n", index + 1);
    const std::string title = escape_markup(section.title);
    // A collapsed section's heading is what opens it.
    if (section.collapsed) {
      out_ += "<details><summary>" + (title.empty() ? std::string("More") : title) + "</summary>\n";
    } else if (!title.empty()) {
      out_ += fmt::format("<h{0}>{1}</h{0}>\n", level, title);
    }
    for (const ReportBlock& block : section.blocks) std::visit([&](const auto& value) { write(value); }, block);
    out_ += section.collapsed ? "</details>\n</section>\n" : "</section>\n";
  }

  void write(const Paragraphs& paragraphs) { out_ += block_markup(paragraphs.text) + "\n"; }

  void write(const ReportTable& table) {
    out_ += "<div class=\"table\">";
    if (!table.caption.empty()) out_ += "<p class=\"title\">" + inline_markup(table.caption) + "</p>";
    grid(table, table.caption.empty() ? "Table" : table.caption);
    for (const std::string& note : table.notes) out_ += "<p class=\"caption\">" + inline_markup(note) + "</p>";
    out_ += "</div>\n";
  }

  // A wide table scrolls inside its region, which the keyboard can reach.
  void grid(const ReportTable& table, std::string_view name) {
    std::vector<ColumnLayout> layout;
    for (const auto& row : table.rows)
      GIMBAL_CHECK(row.size() == table.columns.size(), "a table row needs a cell for each column");
    for (std::size_t c = 0; c < table.columns.size(); ++c) layout.push_back(lay_out_column(table, c));
    out_ +=
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + escape_markup(name) + "\"><table><thead><tr>";
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      out_ += fmt::format("<th scope=\"col\"{}>{}", align_class(layout[c].align), escape_markup(table.columns[c].title));
      if (!table.columns[c].unit.empty()) out_ += "<span class=\"unit\">" + escape_markup(table.columns[c].unit) + "</span>";
      out_ += "</th>";
    }
    out_ += "</tr></thead>\n<tbody>\n";
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      const bool strong = std::find(table.strong_rows.begin(), table.strong_rows.end(), r) != table.strong_rows.end();
      out_ += strong ? "<tr class=\"strong\">" : "<tr>";
      for (std::size_t c = 0; c < table.columns.size(); ++c) {
        out_ += fmt::format("<td{}>{}", align_class(layout[c].align), escape_markup(table.rows[r][c]));
        // Unseen digits bring the decimal points below each other.
        if (layout[c].fraction > 0) {
          const NumberCell cell = read_number(table.rows[r][c]);
          if (cell.fraction < layout[c].fraction) {
            std::string missing(layout[c].fraction - cell.fraction, '0');
            if (cell.fraction == 0) missing[0] = '.';
            out_ += "<i class=\"z\" aria-hidden=\"true\">" + missing + "</i>";
          }
        }
        out_ += "</td>";
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>";
  }

  void write(const Figure& figure) {
    out_ += "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"" + escape_markup(figure.chart.title) +
            "\">" + inline_svg(figure.chart) + "</div>\n";
    if (!figure.caption.empty()) out_ += "<figcaption>" + inline_markup(figure.caption) + "</figcaption>\n";
    if (!figure.chart.numbers.rows.empty()) {
      out_ += "<details><summary>Numbers</summary>";
      grid(figure.chart.numbers, "Numbers of: " + figure.chart.title);
      for (const std::string& note : figure.chart.numbers.notes) out_ += "<p class=\"caption\">" + inline_markup(note) + "</p>";
      out_ += "</details>\n";
    }
    out_ += "</figure>\n";
  }

  // The charts of a page share one style sheet, and a chart that is shown twice gets ids of its own.
  std::string inline_svg(const Chart& chart) {
    std::string svg = chart.svg;
    if (const std::size_t from = svg.find("<style>"), to = svg.find("</style>");
        from != std::string::npos && to != std::string::npos) {
      std::string style = svg.substr(from, to + 8 - from);
      if (style == chart_style_) svg.erase(from, style.size());
      if (chart_style_.empty()) chart_style_ = std::move(style);
    }
    const int uses = ++id_uses_[chart.id];
    if (uses == 1 || chart.id.empty()) return svg;
    const std::string fresh = fmt::format("{}x{}", chart.id, uses);
    for (std::size_t at = svg.find(chart.id); at != std::string::npos; at = svg.find(chart.id, at + fresh.size())) {
      svg.replace(at, chart.id.size(), fresh);
    }
    return svg;
  }

  void write(const CodeBlock& code) {
    out_ += "<figure class=\"code\">";
    if (!code.caption.empty()) out_ += "<figcaption class=\"caption\">" + inline_markup(code.caption) + "</figcaption>";
    std::string_view text = code.text;
    while (text.ends_with('\n')) text.remove_suffix(1);
    out_ += "<pre tabindex=\"0\"><code>" + escape_markup(text) + "</code></pre></figure>\n";
  }

  void write(const NoteBox& note) {
    struct Kind {
      std::string_view css, word;
    };
    const Kind kind = note.kind == NoteKind::kWarning ? Kind{"note warning", "Warning"}
                      : note.kind == NoteKind::kGood  ? Kind{"note good", "Confirmed"}
                                                      : Kind{"note", "Note"};
    out_ += fmt::format("<aside class=\"{}\" role=\"note\"><strong>", kind.css);
    // The kind is said in words, not by the colour alone.
    if (note.title.empty()) {
      out_ += kind.word;
    } else if (note.kind == NoteKind::kNote) {
      out_ += inline_markup(note.title);
    } else {
      out_ += fmt::format("{}: {}", kind.word, inline_markup(note.title));
    }
    out_ += "</strong>" + block_markup(note.text) + "</aside>\n";
  }

  // Words ("inconclusive") are wider than numbers: they are set smaller.
  static std::string value_class(const std::string& value) {
    return value.size() > 8 && value.find_first_of("0123456789") == std::string::npos ? "value word" : "value";
  }

  void write(const KeyFigures& figures) {
    out_ += "<dl class=\"figures\">";
    for (const KeyFigure& figure : figures.figures) {
      out_ += "<div><dt>" + escape_markup(figure.label) + "</dt><dd class=\"" + value_class(figure.value) + "\">" +
              escape_markup(figure.value);
      if (!figure.unit.empty()) out_ += "<small> " + escape_markup(figure.unit) + "</small>";
      out_ += "</dd>";
      if (!figure.note.empty()) out_ += "<dd class=\"under\">" + escape_markup(figure.note) + "</dd>";
      out_ += "</div>";
    }
    out_ += "</dl>\n";
  }

  void write(const Image& image) {
    const bool known = image.media_type == "image/png" || image.media_type == "image/jpeg" ||
                       image.media_type == "image/webp" || image.media_type == "image/gif";
    GIMBAL_CHECK(known, "a report's image is PNG, JPEG, WebP or GIF");
    out_ += "<figure><img alt=\"" + escape_markup(image.alternative) + "\" src=\"data:" + image.media_type + ";base64," +
            base64_encode(image.bytes) + "\">";
    if (!image.caption.empty()) out_ += "<figcaption>" + inline_markup(image.caption) + "</figcaption>";
    out_ += "</figure>\n";
  }

  const Report& report_;
  std::string out_;
  std::string chart_style_;
  std::map<std::string, int> id_uses_;
};

}  // namespace

void Report::add(ReportBlock block) {
  if (sections.empty()) sections.emplace_back();
  sections.back().blocks.push_back(std::move(block));
}

void Report::open_section(std::string heading, int level) {
  ReportSection section;
  section.title = std::move(heading);
  section.level = level;
  sections.push_back(std::move(section));
}

std::string to_html(const Report& report) { return Writer(report).run(); }

}  // namespace gimbal::run
