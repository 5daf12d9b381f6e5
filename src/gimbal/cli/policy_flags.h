// The flags that several verbs of `gimbal policy` share, each group declared once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/cli/command.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/policy/data_flags.h"
#include "gimbal/policy/fit_spec.h"
#include "gimbal/policy/frontier_request.h"

namespace gimbal::cli {

// --- columns of logged data
struct DataOptions {
  std::string outcome, action, id, cluster, weight, propensity, baseline;
  std::vector<std::string> features, arms, value_costs;
  bool minimize = false, drop_missing_outcome = false;
};
void add_data_options(Command& command, DataOptions& options);
Result<policy::DataFlags> data_flags(const DataOptions& options);
// What a model or policy file carries, with every flag that was given again in its place. "none" takes a column away.
Result<policy::DataFlags> override_data_flags(policy::DataFlags stored, const DataOptions& options,
                                              const std::function<bool(std::string_view)>& was_given);

// --- how models are fitted
struct FitOptions {
  std::string learner = "auto", effect = "t", variance = "auto", unknown_category = "error";
  int folds = 5;
  double clip = 0.01, trim = 0;
};
void add_fit_options(Command& command, FitOptions& options);
Result<policy::FitSpec> fit_spec(const FitOptions& options, std::uint64_t seed);

// --- the later test
struct TestOptions {
  std::optional<std::int64_t> n_test;
  double alpha = 0.05;
  std::string side = "two";
};
void add_test_options(Command& command, TestOptions& options, bool with_n_test);
Result<policy::Side> parse_side(const std::string& text);

// --- words of flags; errors name the flag
Result<std::optional<policy::CurveKind>> parse_curve(const std::string& text);  // "": none
Result<policy::Score> parse_score(const std::string& text);
Result<policy::SelectRule> parse_rule(const std::string& text, std::string_view flag);
Result<std::string> parse_fallback(const std::string& text);  // a rule; "none" and "" are ""
// Rules are read under the name of --select; the error names the flag that the rule came from.
Error blame(Error error, std::string_view flag);

// --- the frontier: score, points, bounds, constraints
struct FrontierOptions {
  std::string nuisances, population, baseline, cluster, score = "dr", curve, unknown_category = "error";
  std::optional<double> c0, budget;
  int points = 101;
  std::vector<std::string> at, floors, ceilings, forbids, capacities, min_shares, resources;
  double max_drift = 1;
  bool deterministic = false, minimize = false;
  TestOptions test;
};
// `inputs`: --nuisances, --population, --cluster, --minimize and --baseline too.
void add_frontier_options(Command& command, FrontierOptions& options, bool inputs);
Result<policy::FrontierRequest> frontier_request(const FrontierOptions& options, const std::string& model, std::uint64_t seed);

// --- pieces of output
// The files that a frontier was made from, where they lie: what its command must not overwrite. `folder`: of its document.
std::vector<NamedFile> files_of(const policy::LoadedFrontier& loaded, const std::string& folder);
void forward_warnings(CommandContext& context, const std::vector<Warning>& warnings);
// "3 rows without an outcome skipped", with its count; nothing when there are none.
void warn_count(CommandContext& context, std::string code, std::size_t count, std::string_view noun, std::string_view rest);
void warn_unknown_categories(CommandContext& context, std::size_t cells);
// With as many decimals as policy::decimals_for says for an interval, so that the numbers of a column align.
std::string fixed_text(double value, int decimals);    // "0.0347"
std::string signed_fixed(double value, int decimals);  // "+0.0347", "0.0000"
std::string p_text(const std::optional<double>& p);    // "0.012", "< 1e-9", "-"
std::string percent_text(double share);                // "81.2 %", "> 99.9 %": for people; documents carry fractions
std::string power_text(double power);                  // of a table's column: "93.5 %", "> 99.9 %"
std::string se_text(double se, int decimals);          // as fixed_text, but never 0.000 for what is not 0

// One frontier point as `choose`, `run` and `power` show it to people.
std::string describe_point(const policy::FrontierPoint& point, const policy::Frontier& frontier, policy::CurveKind curve);
void note_score(CommandContext& context, const policy::LoadedFrontier& loaded);

}  // namespace gimbal::cli
