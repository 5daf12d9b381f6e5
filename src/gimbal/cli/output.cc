#include "gimbal/cli/output.h"

#include <algorithm>
#include <cctype>

#include "gimbal/base/check.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {

DocumentWriter::DocumentWriter(std::string_view schema) {
  json_.begin_object().field("schema", schema).field("gimbal", std::string_view(GIMBAL_VERSION));
}

void write_warnings(JsonWriter& json, const std::vector<Warning>& warnings) {
  json.key("warnings").begin_array();
  for (const Warning& warning : warnings) {
    json.begin_object().field("code", warning.code).field("message", warning.message).field("count", warning.count);
    json.end_object();
  }
  json.end_array();
}

namespace {

// Thousandths of a millisecond: what the clock resolves, and short in print.
double rounded_ms(double ms) { return static_cast<double>(static_cast<std::int64_t>(ms * 1000.0 + 0.5)) / 1000.0; }

}  // namespace

std::string DocumentWriter::finish(const CommandContext& context, bool timing) {
  write_warnings(json_, context.warnings());
  if (timing) {
    json_.key("timing_ms").begin_object();
    for (const auto& [part, ms] : context.laps()) json_.field(part, rounded_ms(ms));
    json_.field("total", rounded_ms(context.elapsed_ms())).end_object();
  }
  json_.end_object();
  return json_.take();
}

Result<void> finish_document(CommandContext& context, DocumentWriter& document, const std::optional<std::string>& path,
                             std::vector<OutputFile> beside) {
  const std::string text = document.finish(context);
  if (path) beside.push_back({*path, text + "\n"});
  GIMBAL_TRY(write_outputs(beside));
  print_document(context, text);
  return {};
}

void print_document(CommandContext& context, std::string_view document) {
  if (!context.json) return;
  context.write_out(std::string(document) + "\n");
  context.document_printed = true;
}

std::string error_document(const Error& error, const std::vector<Warning>& warnings, double total_ms) {
  JsonWriter json;
  json.begin_object().field("schema", "gimbal.error/1").field("gimbal", std::string_view(GIMBAL_VERSION));
  json.field("exit", exit_code(error.code));
  json.key("error").begin_object();
  json.field("code", error_code_name(error.code)).field("message", error.message).field("notes", error.notes);
  json.field("where", error.where.empty() ? std::nullopt : std::optional(error.where));
  // Of the same document over HTTP; no command has them yet.
  json.null_field("field").null_field("details").end_object();
  write_warnings(json, warnings);
  json.key("timing_ms").begin_object().field("total", rounded_ms(total_ms)).end_object().end_object();
  return json.take();
}

std::string error_text(const Error& error) { return "gimbal: error: " + error.text() + "\n"; }

// --- tables

TextTable::TextTable(std::vector<std::string> headings) : headings_(std::move(headings)) {}

TextTable& TextTable::row(std::vector<std::string> cells) {
  GIMBAL_CHECK(cells.size() == headings_.size(), "a row has as many cells as there are headings");
  rows_.push_back(std::move(cells));
  return *this;
}

TextTable& TextTable::indent(std::size_t columns) {
  indent_ = columns;
  return *this;
}

TextTable& TextTable::wrap() {
  wrap_ = true;
  return *this;
}

namespace {

bool looks_numeric(std::string_view cell) {
  if (cell.empty() || cell == "-") return true;
  const std::size_t first = cell.find_first_not_of("+-<>=~. ");
  return first != std::string_view::npos && std::isdigit(static_cast<unsigned char>(cell[first])) != 0;
}

// The first code points of `text` that fill at most `width` columns, with "..." where something is missing.
std::string cut_to(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  const std::size_t room = width > 3 ? width - 3 : 0;
  std::size_t end = 0;
  for (std::size_t next = 0; next < text.size();) {
    ++next;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0U) == 0x80U) ++next;
    if (display_width(text.substr(0, next)) > room) break;
    end = next;
  }
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace

std::string TextTable::text() const {
  constexpr std::size_t kGap = 2;
  const std::size_t columns = headings_.size();
  std::vector<std::size_t> width(columns);
  std::vector<bool> numeric(columns, !rows_.empty());
  for (std::size_t c = 0; c < columns; ++c) {
    width[c] = display_width(headings_[c]);
    for (const auto& cells : rows_) {
      width[c] = std::max(width[c], display_width(cells[c]));
      if (!looks_numeric(cells[c])) numeric[c] = false;
    }
  }
  const auto total = [&] {
    std::size_t sum = indent_ + (columns > 0 ? kGap * (columns - 1) : 0);
    for (const std::size_t w : width) sum += w;
    return sum;
  };
  // Too wide: the widest text column gives way, down to 8 columns, then the next.
  constexpr std::size_t kNarrowest = 8;
  while (total() > kTextWidth) {
    std::size_t widest = columns;
    for (std::size_t c = 0; c < columns; ++c) {
      if (!numeric[c] && width[c] > kNarrowest && (widest == columns || width[c] > width[widest])) widest = c;
    }
    if (widest == columns) break;
    --width[widest];
  }
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line(indent_, ' ');
    for (std::size_t c = 0; c < columns; ++c) {
      const std::string cell = wrap_ ? cells[c] : cut_to(cells[c], width[c]);
      const std::string blanks(width[c] - std::min(width[c], display_width(cell)), ' ');
      if (c > 0) line.append(kGap, ' ');
      line += numeric[c] ? blanks + cell : cell + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  };
  const auto add_row = [&](const std::vector<std::string>& cells) {
    std::vector<std::vector<std::string_view>> lines(columns);
    std::vector<std::string> wrapped(columns);
    std::size_t height = 1;
    for (std::size_t c = 0; c < columns; ++c) {
      wrapped[c] = wrap_text(cells[c], width[c]);
      lines[c] = split(trim(wrapped[c]), '\n');
      height = std::max(height, lines[c].size());
    }
    for (std::size_t l = 0; l < height; ++l) {
      std::vector<std::string> line(columns);
      for (std::size_t c = 0; c < columns; ++c) line[c] = l < lines[c].size() ? std::string(lines[c][l]) : std::string();
      add_line(line);
    }
  };
  add_line(headings_);
  for (const auto& cells : rows_) wrap_ ? add_row(cells) : add_line(cells);
  return out;
}

// --- wrapping

std::string wrap_text(std::string_view text, std::size_t width, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) out += margin + line + "\n";
    line.clear();
  };
  for (const std::string_view source : split(text, '\n')) {
    if (trim(source).empty()) {
      flush();
      if (!out.empty() && !out.ends_with("\n\n")) out += "\n";
      continue;
    }
    if (source.front() == ' ') {
      flush();
      out += margin + std::string(source) + "\n";
      continue;
    }
    for (const std::string_view word : split(source, ' ')) {
      if (word.empty()) continue;
      if (!line.empty() && indent + display_width(line) + 1 + display_width(word) > width) flush();
      if (!line.empty()) line += ' ';
      line += word;
    }
  }
  flush();
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace gimbal::cli
