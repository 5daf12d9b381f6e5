// What the sections of a report share. Internal to report*.cc.
#pragma once

#include "gimbal/policy/charts.h"
#include "gimbal/policy/report.h"

namespace gimbal::policy {

struct ReportContext {
  const PolicyReportInput& input;
  const FrontierDocument& document;
  const LoadedFrontier& loaded;
  const Frontier& frontier;
  const TestSpec& test;
  Wording wording;
  const PolicyEvaluation* tested = nullptr;
  const Estimate* estimate = nullptr;  // the primary one, with a standard error above 0
};

// Requires a frontier and a chosen point.
ReportContext report_context(const PolicyReportInput& input);
// The model's flags, or those of the nuisance table.
const DataFlags& data_flags(const ReportContext& c);

// The sections with pictures, in order. Each adds itself to the report where it has something to show.
void add_frontier_section(run::Report& report, const ReportContext& c);
void add_shadow_price_section(run::Report& report, const ReportContext& c);
void add_power_section(run::Report& report, const ReportContext& c);
void add_policy_section(run::Report& report, const ReportContext& c);
void add_promise_section(run::Report& report, const ReportContext& c);
void add_test_section(run::Report& report, const ReportContext& c);
void add_model_section(run::Report& report, const ReportContext& c);

}  // namespace gimbal::policy
