// A table of texts for papers and pages: Markdown, LaTeX.
#pragma once

#include <string>
#include <vector>

namespace gimbal::cli {

using TableRows = std::vector<std::vector<std::string>>;  // the headings first; every row is as long as they are

// The first column to the left, the others to the right.
std::string markdown_table(const TableRows& rows);
std::string latex_table(const TableRows& rows);

}  // namespace gimbal::cli
