#include "gimbal/cli/diversity_commands.h"

#include <algorithm>
#include <array>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {

using diversity::ExtractMode;
using diversity::FenceChoice;
using diversity::TokenMode;

namespace {

constexpr auto kTokenWords = std::to_array<std::pair<std::string_view, TokenMode>>(
    {{"ws", TokenMode::kWords}, {"code", TokenMode::kCode}, {"parso", TokenMode::kParso}, {"bytes", TokenMode::kBytes}});

}  // namespace

CommandGroup diversity_commands() {
  CommandGroup group("diversity", "Measure how many different usable answers a sampling budget gives.");
  group.description(
      "Diversity counts only what is valid, and two valid answers are the same if and only if they behave identically. Lexical "
      "diversity stands beside it, because form and content come apart.");
  group.add(diversity_sample_command());
  group.add(diversity_run_command());
  group.add(diversity_score_command());
  group.add(diversity_classes_command());
  group.add(diversity_text_command());
  group.add(diversity_compare_command());
  group.add(diversity_extract_command());
  group.add(diversity_perturb_command());
  group.add(diversity_tests_command());
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

Result<std::vector<int>> parse_orders(const std::string& text, const char* flag, int least, int most) {
  std::vector<int> out;
  for (const std::string& item : split_list(text)) {
    const std::size_t dash = item.find('-');
    const auto first = parse_int(std::string_view(item).substr(0, dash));
    const auto last = dash == std::string::npos ? first : parse_int(std::string_view(item).substr(dash + 1));
    if (!first || !last || *first < least || *last > most || *first > *last)
      return fail_at(flag, ErrorCode::kUsage, "expected orders from {} to {} such as {}-6 or {},4; found {}", least, most,
                     least, least + 1, gimbal::quoted(item));
    for (std::int64_t n = *first; n <= *last; ++n) out.push_back(static_cast<int>(n));
  }
  if (out.empty()) return fail_at(flag, ErrorCode::kUsage, "expected orders such as {}-6, found nothing", least);
  std::ranges::sort(out);
  const auto twice = std::ranges::unique(out);
  out.erase(twice.begin(), twice.end());
  return out;
}

void add_extract(Command& command, ExtractMode* mode, FenceChoice* fence) {
  command
      .choice("--extract", mode,
              {{"auto", ExtractMode::kAuto},
               {"fenced", ExtractMode::kFenced},
               {"heuristic", ExtractMode::kHeuristic},
               {"raw", ExtractMode::kRaw}})
      .help("how a program is taken out of a text");
  command
      .choice("--fence", fence,
              {{"best", FenceChoice::kBest},
               {"first", FenceChoice::kFirst},
               {"last", FenceChoice::kLast},
               {"longest", FenceChoice::kLongest}})
      .help("which fenced block; best: the last that defines a function, else the longest");
}

OptionBuilder add_tokens(Command& command, TokenMode* tokens) {
  std::vector<std::pair<std::string, TokenMode>> words;
  for (const auto& [word, mode] : kTokenWords) words.emplace_back(word, mode);
  return command.choice("--tokens", tokens, words)
      .help("words, Python code, Python code as the package parso has it, or bytes");
}

std::string_view token_mode_name(TokenMode tokens) {
  return std::ranges::find(kTokenWords, tokens, [](const auto& word) { return word.second; })->first;
}

std::string measure_text(const std::optional<double>& value, int digits) {
  return value ? format_significant(*value, digits) : "-";
}

}  // namespace gimbal::cli
