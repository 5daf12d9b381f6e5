// The verbs of `gimbal diversity`, one function each.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/cli/command.h"
#include "gimbal/diversity/measure.h"
#include "gimbal/diversity/program_text.h"
#include "gimbal/diversity/tokens.h"

namespace gimbal::cli {

CommandGroup diversity_commands();

Command diversity_sample_command();
Command diversity_run_command();
Command diversity_score_command();
Command diversity_classes_command();
Command diversity_text_command();
Command diversity_compare_command();
Command diversity_extract_command();
Command diversity_perturb_command();
Command diversity_tests_command();

// "measures":{"validity":0.625,...} inside an object that is being written.
void write_measures(JsonWriter& json, const diversity::Measures& measures);
// A measure's value by name; nullopt when it is not there or not defined.
std::optional<double> find_measure(const diversity::Measures& measures, std::string_view name);
// Whole numbers as "4", "1-6" or "1,2,4-5", ascending, each once. Errors: usage at `flag`.
Result<std::vector<int>> parse_orders(const std::string& text, const char* flag, int least, int most);

// --extract and --fence.
void add_extract(Command& command, diversity::ExtractMode* mode, diversity::FenceChoice* fence);

// --tokens: ws, code, parso, bytes.
OptionBuilder add_tokens(Command& command, diversity::TokenMode* tokens);
std::string_view token_mode_name(diversity::TokenMode tokens);

// "0.625", "-".
std::string measure_text(const std::optional<double>& value, int digits = 4);

}  // namespace gimbal::cli
