#include "gimbal/cli/table_formats.h"

#include <string_view>

#include "gimbal/base/text.h"

namespace gimbal::cli {
namespace {

std::string escaped_for_latex(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("_%&#${}").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string markdown_table(const TableRows& rows) {
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    out += "| " + join(rows[r], " | ") + " |\n";
    if (r > 0) continue;
    out += "|---|";
    for (std::size_t c = 1; c < rows[r].size(); ++c) out += "---:|";
    out += "\n";
  }
  return out;
}

std::string latex_table(const TableRows& rows) {
  std::string out = "\\begin{tabular}{l" + std::string(rows.front().size() - 1, 'r') + "}\n\\hline\n";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::vector<std::string> cells;
    for (const std::string& text : rows[r]) cells.push_back(escaped_for_latex(text));
    out += join(cells, " & ") + " \\\\\n" + (r == 0 ? "\\hline\n" : "");
  }
  return out + "\\hline\n\\end{tabular}\n";
}

}  // namespace gimbal::cli
