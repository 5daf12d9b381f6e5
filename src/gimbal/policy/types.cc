#include "gimbal/policy/types.h"

#include <algorithm>
#include <cmath>

#include "gimbal/base/text.h"
#include "gimbal/stats/distributions.h"

namespace gimbal::policy {

std::string Table::unit_name(std::size_t i) const {
  return ids ? fmt::format("unit {}", gimbal::quoted((*ids)[i])) : fmt::format("unit {} (counted from 0)", i);
}

std::string_view score_name(Score score) {
  switch (score) {
    case Score::kIpw:
      return "ipw";
    case Score::kCipw:
      return "cipw";
    case Score::kSnips:
      return "snips";
    case Score::kDr:
      return "dr";
  }
  check_failed("score", __FILE__, __LINE__, "a Score outside its enumeration");
}

Result<Score> parse_score(std::string_view text) {
  for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr}) {
    if (text == score_name(score)) return score;
  }
  return fail(ErrorCode::kUsage, "expected a score (dr, cipw, ipw or snips), found {}", gimbal::quoted(text));
}

double score_variance(Moments m) { return std::max(m.q - m.tau * m.tau, 1e-14 * m.q); }

double z1(Moments m) {
  const double variance = score_variance(m);
  return variance > 0 ? m.tau / std::sqrt(variance) : 0.0;
}

double critical_value(const TestSpec& test) {
  return stats::normal_quantile(1.0 - (test.side == Side::kTwo ? test.alpha / 2 : test.alpha));
}

double power_at(double z, const TestSpec& test) { return stats::normal_cdf(z - critical_value(test)); }

double z_required(double power, const TestSpec& test) { return critical_value(test) + stats::normal_quantile(power); }

double units_required(double z1, double power, const TestSpec& test) {
  if (!(z1 > 0)) return kInfinity;
  const double ratio = z_required(power, test) / z1;
  return ratio * ratio;
}

double whole_units(double units) {
  // A point that was solved for n units needs n, not n + 1, although its ratio may lie a rounding above.
  return std::ceil(units * (1 - 1e-9));
}

}  // namespace gimbal::policy
