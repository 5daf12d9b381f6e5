// What `gimbal tour` shows: each component offers one step that runs its system on small real data.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/progress.h"
#include "gimbal/base/result.h"
#include "gimbal/run/report.h"

namespace gimbal::run {

struct TourContext {
  std::string data_folder;     // holds <component>/...; the repository's data/
  std::string scratch_folder;  // the step's own folder, which exists; files in it outlive the tour
  std::uint64_t seed = 0;
  StopToken stop;
  const Clock* clock = nullptr;
  ProgressMode progress = ProgressMode::kSilent;
};

struct TourOutcome {
  std::string what;                 // what was done: "fitted a policy on 1,413 people, tested it on 1,412"
  std::string headline;             // the number: "+0.034 per unit, 95 % CI 0.021 to 0.047"
  bool skipped = false;             // the environment lacks something; `headline` says what
  std::vector<ReportBlock> blocks;  // what the report's section shows below these: a chart, a paragraph
};

struct TourStep {
  std::string system;   // "policy"
  double budget_s = 0;  // on two cores; the budgets of all steps sum to less than 180 s
  std::function<Result<TourOutcome>(const TourContext&)> run;
};

}  // namespace gimbal::run
