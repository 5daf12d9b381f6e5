// The style sheet of reports: one column of text, light and dark by the reader's scheme (or `data-theme` on the root element),
// the same colours as the charts, and rules for paper.
#pragma once

#include <string_view>

namespace gimbal::run {

extern const std::string_view kReportStyle;

}  // namespace gimbal::run
