// The pictures of a policy: eight charts and tables over values, drawn by run/chart.h. No file is read or written here.
//
// They show, in the order in which a report tells its story: the frontier between improvement and power, how many test units a
// point needs, whom the policy gives what, what the models promise against what held-out rows deliver, the weights of the test,
// the test's answer, who moves, and the fitted coefficients. Improvements are in the outcome's unit per unit and always count
// as gains: with --minimize an improvement of 0.02 is an outcome that is 0.02 lower, and axes say so.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/evaluate.h"
#include "gimbal/policy/frontier_request.h"
#include "gimbal/policy/model.h"
#include "gimbal/policy/types.h"
#include "gimbal/run/chart.h"
#include "gimbal/run/report_table.h"

namespace gimbal::policy {

// How charts call the outcome and the units. Empty texts have plain replacements ("outcome").
struct Wording {
  std::string outcome;          // the column: "got"; with costs inside the value it is net of them
  std::string outcome_unit;     // "dollars"; empty: none is known
  std::string unit = "unit";    // "person"
  std::string units = "units";  // "people"
  bool minimize = false;        // smaller outcomes are better
  bool net_of_cost = false;     // --value-cost was given
  bool binary = false;          // a 0/1 outcome: improvements are also said "per 100 units"

  std::string outcome_name() const;      // "got", "outcome", "got net of cost"
  std::string improvement_unit() const;  // "got per unit", "dollars of spend per unit", "reduction of got per unit"
};
Wording wording_of(const LoadedFrontier& loaded);
Wording wording_of(const DataFlags& flags);

// 1 -----------------------------------------------------------------------------------------------------------------------
// What stands out on the frontier; pointers may be null and are read during the call only.
struct FrontierHighlights {
  const FrontierPoint* chosen = nullptr;
  std::string chosen_label = "chosen";
  const PolicyEvaluation* tested = nullptr;  // with its primary estimate
  Score primary = Score::kDr;
  std::int64_t test_units = 0;  // of that test, which may differ from the planned n_test
  double target_power = 0.8;    // drawn as a line
  // Another frontier of the same units, drawn thin behind: the randomized one behind a deterministic one.
  const FrontierDocument* behind = nullptr;
  std::string behind_label;
  std::optional<Wording> wording;
};

// x: improvement; panels: power and z at n_test units. Plug-in dashed, honest solid; max-z, chosen, max-tau and --mark policies
// as marks. The bands stand upright: an interval of a point's z1 (HonestPoint::z1_low, z1_high) is one of its z and, through
// the power function, of its power. The simultaneous band has the quantile of honest.h's band in place of the normal one. The
// tested result is a cross: its improvement with CI, at the z and the power that a test of n_test units with this test's spread
// would have at that improvement and at the ends of its CI.
// The honest curve is solid where no other of its points has more of both, thin and dotted elsewhere. Where it turns back
// (moving on delivers less) the band is the hull of its branches.
run::Chart frontier_chart(const FrontierDocument& document, const FrontierHighlights& highlights = {});

// 2 -----------------------------------------------------------------------------------------------------------------------
struct PowerValue {
  double n = 0, power = 0;
  std::optional<double> low, high;  // interval of the power, honest curve alone
};
struct PowerLine {
  std::string label;  // "max-z", "power:0.8"
  double tau = 0;
  double n_required = 0;  // for the target power, not rounded; infinity where no test is large enough
  std::vector<PowerValue> values;
};
// Power at each of `n` for a point on one of its curves (kHonest: where it has one); label: the point's `at`.
PowerLine power_line(const FrontierPoint& point, CurveKind curve, const TestSpec& test, std::span<const double> n,
                     double target = 0.8);
// `count` sizes from `from` to `to`, equally spaced in the logarithm, rounded to whole units and distinct.
std::vector<double> test_sizes(double from, double to, std::size_t count);

struct PowerChartInput {
  std::vector<PowerLine> lines;
  double target = 0.8;
  double alpha = 0.05;
  Side side = Side::kTwo;
  std::optional<double> planned;  // n_test, drawn as a vertical line
  Wording wording;
};
run::Chart power_chart(const PowerChartInput& input);

// 3 -----------------------------------------------------------------------------------------------------------------------
// A policy on units whose columns are known. Matrices are n x K; `b` may be null (then nothing is said of the change).
struct PolicyOnUnits {
  const data::DataTable* units = nullptr;  // may be null: no profiles
  std::vector<std::string> features;       // columns of `units`; unknown names are left out
  std::vector<std::string> arms;
  const Matrix* pi = nullptr;
  const Matrix* b = nullptr;
  std::span<const double> weight;  // n or empty
};

// Mean probabilities by bins of one feature. Numeric features with more than ten values have ten bins of like size (fewer where
// values are tied), others one bin a value; text features one bin a level, the rarest beyond nine as "other".
struct FeatureProfile {
  std::string feature;
  bool deciles = false;           // ordered bins of like size
  std::vector<std::string> bins;  // "1.2 to 3.4", "Rural", "missing"
  std::vector<double> share;      // of the units (weighted) in each bin
  Matrix policy, baseline;        // bins x K, weighted means
  double variation = 0;           // sum over arms of the variance between bins of the mean of D_a
};
// The features along which D varies most, first the largest; at most `count`.
std::vector<FeatureProfile> feature_profiles(const PolicyOnUnits& input, std::size_t count = 8);
// Heat maps: features in deciles together (a row a feature and arm), the others together (a row a level, a column an arm).
std::vector<run::Chart> policy_table_charts(std::span<const FeatureProfile> profiles, const std::vector<std::string>& arms);

std::vector<double> mean_shares(const Matrix& pi, std::span<const double> weight);
run::Chart shares_chart(const std::vector<std::string>& arms, std::span<const double> old_shares,
                        std::span<const double> new_shares, std::string_view baseline, const Wording& wording = {});

// 4 -----------------------------------------------------------------------------------------------------------------------
// Plug-in against honest improvement along lambda, with the pointwise and the simultaneous band. lambda = infinity stands at
// the right edge. Requires an honest curve (else an empty frame).
run::Chart promise_chart(const FrontierDocument& document, const FrontierPoint* chosen = nullptr,
                         const std::optional<Wording>& wording = std::nullopt);

// 5 -----------------------------------------------------------------------------------------------------------------------
// Histogram of W = pi_A / e_A; `unit_weight`: omega, n or empty. Logarithmic, without the zeros, where W spans decades.
run::Chart overlap_chart(std::span<const double> w, std::span<const double> unit_weight, double ess, double max_weight,
                         const Wording& wording = {});

// 6 -----------------------------------------------------------------------------------------------------------------------
// The four scores, the bootstrap, the promise and the subgroups of each policy, with CIs.
run::Chart evaluation_chart(const Evaluation& evaluation, const Wording& wording = {});

// 7 -----------------------------------------------------------------------------------------------------------------------
// K = 2: distribution of pi_1 - b_1; otherwise of the total movement 1/2 sum_a |D_a|.
run::Chart movement_chart(const PolicyOnUnits& input, const Wording& wording = {});

// 8 -----------------------------------------------------------------------------------------------------------------------
// Coefficients with standard errors of the linear learners, up to four arms a table; empty when no arm has one.
std::vector<run::ReportTable> coefficient_tables(const Model& model);

}  // namespace gimbal::policy
