// Numbers and words that the charts and the report of a policy share.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gimbal/policy/charts.h"

namespace gimbal::policy {

// Fixed decimals, with a true minus sign and, on request, a plus. Zero has neither.
std::string fixed_number(double value, int decimals, bool plus = false);
// Decimals at which an interval of this width still shows two significant digits of its width; kScientific where nobody could
// count the zeros.
inline constexpr int kScientific = -100;
int decimals_for(double width);
// "0.035", "1,904,141" (grouped from 1e5 on where there are no decimals), "3.47e-12" with kScientific. Zero has no sign.
std::string decimal_text(double value, int decimals);
std::string percent_words(double share);  // "12.3 %", "80 %", "< 0.1 %"
// A power is never certain, even where the double is 1: "93.5 %", "> 99.9 %", "< 0.1 %".
std::string power_words(double power);
std::string count_words(double n);                      // "1,412"; "more than any" where infinite
std::string level_words(double alpha);                  // "95 %"
std::string side_words(Side side);                      // "two-sided"
std::string baseline_words(std::string_view baseline);  // "the logging policy", "“none” for everyone"
// "lambda = 2.22", "lambda = ∞"
std::string lambda_words(double lambda);
// At most `most` bytes on a character border, with an ellipsis.
std::string shortened(std::string_view text, std::size_t most);

// The moments of a point on one of its two curves.
struct CurveValue {
  double tau = 0, se = 0, z = 0, z1 = 0, power = 0, units_required = 0;
};
CurveValue curve_value(const FrontierPoint& point, CurveKind curve);  // plug-in where there is no honest one

// Its `at` for people: "mark:a/b.csv" -> "b.csv".
std::string point_name(const FrontierPoint& point);

}  // namespace gimbal::policy
