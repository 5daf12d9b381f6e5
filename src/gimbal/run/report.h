// Reports: one HTML file that reads fully without a script.
//
// A Report is a title and sections of blocks: text, tables, charts, key figures, code, notes and warnings, images. `to_html`
// gives a page with everything inside (no outside reference), that follows the reader's light or dark scheme, fits a phone and
// prints well. All data are escaped: texts may hold anything. The same report gives the same bytes.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gimbal/run/chart.h"
#include "gimbal/run/report_table.h"

namespace gimbal::run {

// Paragraphs stand apart by an empty line; lines that begin with "- " make a list. Inside: *emphasis*, **strong**, `code`;
// a backslash before one of * ` \ takes it as it is (see escape_emphasis). Nothing else is mark-up.
struct Paragraphs {
  std::string text = {};
};

struct KeyFigure {
  std::string label = {};  // "improvement"
  std::string value = {};  // "+16.0"
  std::string unit = {};   // "per 100 people"
  std::string note = {};   // "95 % CI 13.7 to 18.3"
};
struct KeyFigures {
  std::vector<KeyFigure> figures = {};
};

// A chart with its numbers under <details>. `caption` takes the mark-up of Paragraphs.
struct Figure {
  Chart chart = {};
  std::string caption = {};
};

// Commands or other literal text.
struct CodeBlock {
  std::string text = {};
  std::string caption = {};
};

enum class NoteKind { kNote, kGood, kWarning };
struct NoteBox {
  NoteKind kind = NoteKind::kNote;
  std::string title = {};  // empty: "Note", "Confirmed", "Warning"
  std::string text = {};   // as Paragraphs
};

// A picture's bytes, put into the page as a data: URL.
struct Image {
  std::string bytes = {};
  std::string media_type = "image/png";  // image/png, image/jpeg, image/webp, image/gif (checked)
  std::string alternative = {};          // what it shows, for those who cannot see it
  std::string caption = {};
};

using ReportBlock = std::variant<Paragraphs, ReportTable, Figure, CodeBlock, NoteBox, KeyFigures, Image>;

struct ReportSection {
  std::string title = {};  // empty: no heading, not in the table of contents
  std::vector<ReportBlock> blocks = {};
  int level = 2;           // 2, or 3 for a subsection
  bool collapsed = false;  // under <details>: long tables, logs
};

struct Report {
  std::string title = {};
  std::string subtitle = {};  // what, when, from which data
  std::vector<ReportSection> sections = {};
  std::string footer = {};  // "gimbal 0.1.0, seed 0"; plain text

  // Adds a block to the last section (opened without a title if there is none).
  void add(ReportBlock block);
  void open_section(std::string heading, int level = 2);
};

// A table of contents appears from four titled sections on, after the untitled ones that open the report (its summary).
std::string to_html(const Report& report);

// Puts a backslash before the characters that Paragraphs reads as mark-up: for data inside texts.
std::string escape_emphasis(std::string_view text);

}  // namespace gimbal::run
