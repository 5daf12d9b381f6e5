// The report of a run that has none of its own: what was asked, how it ended, and a chart for every group of its metrics.
#pragma once

#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/run/metrics.h"
#include "gimbal/run/report.h"
#include "gimbal/run/run_events.h"
#include "gimbal/run/run_index.h"

namespace gimbal::run {

// Stands in the footer of these reports, and in no other's: they may be written again.
inline constexpr std::string_view kRunReportMark = "made by gimbal runs report";

// The charts of metrics: one for each group, in the order in which groups appear, with bands for NAME/lo and NAME/hi; at most
// as many series a chart as there are colours. `machine`: those of times, speeds and the machine's state, else all others.
std::vector<Chart> metric_charts(const Metrics& metrics, bool machine);

// Pure: the same values give the same report.
Report run_report(const RunSummary& run, const Metrics& metrics, const std::vector<RunEvent>& events,
                  const std::vector<RunArtifact>& artifacts);

// Reads the run in `run.path` and makes its report. Errors: as read_metrics and read_events.
Result<Report> make_run_report(const RunSummary& run);

}  // namespace gimbal::run
