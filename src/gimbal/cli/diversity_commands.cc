#include "gimbal/cli/diversity_commands.h"

#include "gimbal/base/number.h"

namespace gimbal::cli {

CommandGroup diversity_commands() {
  CommandGroup group("diversity", "Measure how many different usable answers a sampling budget gives.");
  group.description(
      "Diversity counts only what is valid, and two valid answers are the same if and only if they behave identically. Lexical "
      "diversity stands beside it, because form and content come apart.");
  group.add(diversity_run_command());
  group.add(diversity_score_command());
  group.add(diversity_text_command());
  group.add(diversity_compare_command());
  return group;
}

void write_measures(JsonWriter& json, const diversity::Measures& measures) {
  json.key("measures").begin_object();
  for (const diversity::Measure& m : measures) json.field(m.name, m.value);
  json.end_object();
}

std::optional<double> find_measure(const diversity::Measures& measures, std::string_view name) {
  for (const diversity::Measure& m : measures) {
    if (m.name == name) return m.value;
  }
  return std::nullopt;
}

std::string measure_text(const std::optional<double>& value, int digits) {
  return value ? format_significant(*value, digits) : "-";
}

}  // namespace gimbal::cli
