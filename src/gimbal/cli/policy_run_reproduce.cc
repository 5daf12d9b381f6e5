// The commands of a run's report: its options, sorted to the verbs that take them.
#include "gimbal/base/json.h"
#include "gimbal/cli/policy_commands.h"
#include "gimbal/cli/policy_run_steps.h"

namespace gimbal::cli {
namespace {

// "a,b", items with commas or quotes as in CSV.
std::string list_text(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += ",";
    if (item.find_first_of(",\"") == std::string::npos) {
      out += item;
      continue;
    }
    out += '"';
    for (const char c : item) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    out += '"';
  }
  return out;
}

std::string shell_quoted(const std::string& text) {
  const bool plain =
      !text.empty() &&
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:=,@%") == std::string::npos;
  if (plain) return text;
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string option_words(const run::RunOption& option, const OptionSpec& spec) {
  const Result<JsonView> value = JsonView::parse(option.value, option.name);
  if (!value || value->is_null()) return "";
  const std::string flag = " --" + option.name;
  if (const Result<bool> on = value->boolean()) return *on ? flag : "";
  const auto word = [](const JsonView& item) { return item.is_string() ? *item.string() : item.text(); };
  const Result<std::vector<JsonView>> items = value->items();
  if (!items) return flag + " " + shell_quoted(word(*value));
  std::vector<std::string> words;
  for (const JsonView& item : *items) words.push_back(word(item));
  if (spec.split) return flag + " " + shell_quoted(list_text(words));
  std::string out;
  for (const std::string& each : words) out += flag + " " + shell_quoted(each);
  return out;
}

}  // namespace

std::vector<policy::ReproduceCommand> reproduce_commands(const ReproduceInput& input) {
  const std::string train = shell_quoted(input.train), test = shell_quoted(input.test);
  // Flags of the run as they were given, sorted to the verbs that take them.
  std::string fit = "gimbal policy fit " + train, frontier = "gimbal policy frontier model.json --population " + test,
              evaluate = fmt::format("gimbal policy evaluate policy.json {} --score {}", test, input.score);
  const Command fit_command = policy_fit_command(), frontier_command = policy_frontier_command(),
                evaluate_command = policy_evaluate_command();
  std::string apply = "gimbal policy apply policy.json " + test;
  bool arms_given = false;
  for (const run::RunOption& option : input.options) {
    if (option.source == "default" || option.name == "out") continue;
    const auto words = [&](const Command& command) {
      const OptionSpec* spec = command.find(option.name);
      return spec ? option_words(option, *spec) : std::string();
    };
    arms_given = arms_given || option.name == "arms";
    fit += words(fit_command);
    const bool unknown = option.name == "unknown-category";  // of every verb that reads the test's covariates
    if (unknown) apply += words(fit_command);
    if (fit_command.find(option.name) && !unknown) continue;
    frontier += words(frontier_command);
    // What the test has in common with the frontier, and what only the test has.
    if (unknown || option.name == "alpha" || option.name == "side" || !frontier_command.find(option.name))
      evaluate += words(evaluate_command);
  }
  if (!arms_given) fit += " --arms " + shell_quoted(list_text(input.arms));
  const std::string seed = input.seed == 0 ? "" : fmt::format(" --seed {}", input.seed);
  std::string choose = "gimbal policy choose frontier.json --select " + shell_quoted(input.select);
  if (!input.fallback.empty()) choose += " --fallback " + shell_quoted(input.fallback);
  const auto made = [&](const std::string& artifact, const std::string& command) {
    return policy::ReproduceCommand{"artifacts/" + artifact,
                                    fmt::format("(cd {} && {} -o {})", shell_quoted(input.artifacts), command, artifact)};
  };
  return {made("model.json", fit + seed), made("frontier.json", frontier + seed + " --csv frontier.csv"),
          made("policy.json", choose), made("evaluation.json", evaluate + seed), made("actions_test.csv", apply + seed)};
}

}  // namespace gimbal::cli
