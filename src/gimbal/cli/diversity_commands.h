// The verbs of `gimbal diversity`, one function each.
#pragma once

#include <optional>
#include <string>

#include "gimbal/base/json.h"
#include "gimbal/cli/command.h"
#include "gimbal/diversity/measure.h"

namespace gimbal::cli {

CommandGroup diversity_commands();

Command diversity_run_command();
Command diversity_score_command();
Command diversity_text_command();
Command diversity_compare_command();

// "measures":{"validity":0.625,...} inside an object that is being written.
void write_measures(JsonWriter& json, const diversity::Measures& measures);
// A measure's value by name; nullopt when it is not there or not defined.
std::optional<double> find_measure(const diversity::Measures& measures, std::string_view name);
// "0.625", "-".
std::string measure_text(const std::optional<double>& value, int digits = 4);

}  // namespace gimbal::cli
