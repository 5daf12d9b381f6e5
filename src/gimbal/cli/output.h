// Output of commands: JSON documents with the fields that all share, error documents, and text for people (tables, wrapping).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/written_files.h"

namespace gimbal::cli {

inline constexpr std::size_t kTextWidth = 100;  // columns of a terminal summary and of --help

// One document: "schema" and "gimbal" first, the page's fields in the order in which they are written to `json()`, then
// "warnings" and "timing_ms".
//
//   DocumentWriter document("gimbal.policy.fit/1");
//   document.json().field("rows", rows).field("c0", c0);
//   GIMBAL_TRY(finish_document(context, document, flags->out));
class DocumentWriter {
 public:
  explicit DocumentWriter(std::string_view schema);
  // Inside the document's object.
  JsonWriter& json() { return json_; }
  // Closes the document. `timing`: false where bytes are compared. Call once.
  std::string finish(const CommandContext& context, bool timing = true);

 private:
  JsonWriter json_;
};

// The fields "warnings" and "timing_ms" ({parts..., "total"}) by themselves, for documents that nest.
void write_warnings(JsonWriter& json, const std::vector<Warning>& warnings);

// Closes the document, writes it to `path` (atomically, with a newline) if there is one, and to standard output with --json.
// `beside`: the command's other files, written before it; all or none (written_files.h).
Result<void> finish_document(CommandContext& context, DocumentWriter& document, const std::optional<std::string>& path = {},
                             std::vector<OutputFile> beside = {});
// Prints a document made elsewhere with --json.
void print_document(CommandContext& context, std::string_view document);

// gimbal.error/1, with the fields that every document has.
std::string error_document(const Error& error, const std::vector<Warning>& warnings, double total_ms);
// "gimbal: error: --folds: expected ...\n" with one indented line a note.
std::string error_text(const Error& error);

// Columns for people: numbers to the right, text to the left, two blanks between, at most kTextWidth wide (the widest text
// column is cut with "..." if need be, or continued on further lines after wrap()).
//
//   TextTable table({"arm", "rows", "mean"});
//   table.row({"No E-Mail", "21,306", "0.106"});
//   context.print(table.text());
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> headings);
  TextTable& row(std::vector<std::string> cells);  // as many as there are headings
  TextTable& indent(std::size_t columns);
  TextTable& wrap();  // for cells that are sentences
  // A column is numeric when every cell that is not empty or "-" begins with a digit, sign or '.'.
  std::string text() const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
  std::size_t indent_ = 0;
  bool wrap_ = false;
};

// Breaks text at blanks so that no line is wider than `width` display columns (longer words stand alone). Paragraphs are
// separated by empty lines; a line that begins with blanks is kept as it is. Every line gets `indent` blanks. Ends with '\n'.
std::string wrap_text(std::string_view text, std::size_t width = kTextWidth, std::size_t indent = 0);

}  // namespace gimbal::cli
