#include "gimbal/stats/distributions.h"

#include <algorithm>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <limits>
#include <numbers>

#include "gimbal/base/check.h"
#include "gimbal/base/random.h"

namespace gimbal::stats {
namespace {

namespace bmp = boost::math::policies;
// Preconditions are checked here, so Boost need not throw; overflow means the end of the support.
using Quiet = bmp::policy<bmp::domain_error<bmp::ignore_error>, bmp::pole_error<bmp::ignore_error>,
                          bmp::overflow_error<bmp::ignore_error>, bmp::evaluation_error<bmp::ignore_error>,
                          bmp::rounding_error<bmp::ignore_error>, bmp::indeterminate_result_error<bmp::ignore_error>>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_positive(double parameter) {
  GIMBAL_CHECK(parameter > 0 && std::isfinite(parameter), "a distribution's parameter must be positive and finite");
}
void check_argument(double x) { GIMBAL_CHECK(!std::isnan(x), "a distribution function of NaN"); }
void check_probability(double p) { GIMBAL_CHECK(p >= 0 && p <= 1, "a quantile needs a probability in [0, 1]"); }

// I_x(a, b) where 1 - x is given too, so that neither end loses digits.
double incomplete_beta(double a, double b, double x, double one_minus_x) {
  if (x <= 0) return 0;
  if (one_minus_x <= 0) return 1;
  return x <= 0.5 ? boost::math::ibeta(a, b, x, Quiet()) : boost::math::ibetac(b, a, one_minus_x, Quiet());
}

// log(x!) - Stirling's formula, for x >= 1 (Loader's stirlerr): a series from 16, below by its definition.
double stirling_error(double x) {
  if (x >= 16) {
    const double x2 = 1 / (x * x);
    return (1.0 / 12 - x2 * (1.0 / 360 - x2 * (1.0 / 1260 - x2 * (1.0 / 1680 - x2 / 1188)))) / x;
  }
  double log_factorial = 0;
  for (int i = 2; i <= static_cast<int>(x); ++i) log_factorial += std::log(static_cast<double>(i));
  return log_factorial - 0.5 * std::log(2 * std::numbers::pi * x) - x * std::log(x) + x;
}

// x log(x/m) + m - x without cancellation near x = m (Loader's bd0).
double deviance(double x, double m) {
  if (x == 0) return m;
  if (std::abs(x - m) < 0.1 * (x + m)) {
    const double v = (x - m) / (x + m);
    double sum = (x - m) * v;
    double term = 2 * x * v;
    for (int j = 3;; j += 2) {
      term *= v * v;
      const double next = sum + term / j;
      if (next == sum) return sum;
      sum = next;
    }
  }
  return x * std::log(x / m) + m - x;
}

void check_binomial(std::int64_t n, double p) {
  GIMBAL_CHECK(n >= 0, "a binomial needs n of at least 0");
  GIMBAL_CHECK(p >= 0 && p <= 1, "a binomial needs a probability in [0, 1]");
}

}  // namespace

double normal_pdf(double x) {
  check_argument(x);
  return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
}

double normal_cdf(double x) { return normal_upper(-x); }

double normal_upper(double x) {
  check_argument(x);
  return 0.5 * std::erfc(x / std::numbers::sqrt2);
}

double normal_quantile(double p) {
  check_probability(p);
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  return normal_quantile_as241(p);
}

double student_t_pdf(double x, double df) {
  check_argument(x);
  check_positive(df);
  if (std::isinf(x)) return 0;
  return std::exp(-0.5 * (df + 1) * std::log1p(x / df * x)) / (std::sqrt(df) * boost::math::beta(0.5, 0.5 * df, Quiet()));
}

double student_t_cdf(double x, double df) { return student_t_upper(-x, df); }

double student_t_upper(double x, double df) {
  check_argument(x);
  check_positive(df);
  if (std::isinf(x)) return x > 0 ? 0 : 1;
  const double x2 = x * x;
  const double tail = 0.5 * incomplete_beta(0.5 * df, 0.5, df / (df + x2), 1 / (1 + df / x2));
  return x >= 0 ? tail : 1 - tail;
}

double student_t_quantile(double p, double df) {
  check_probability(p);
  check_positive(df);
  if (p == 0) return -kInfinity;
  if (p == 1) return kInfinity;
  if (p == 0.5) return 0;
  // t^2 / (df + t^2) is beta(1/2, df/2); both ends of its quantile are needed for the ratio.
  double complement = 0;
  const double x = boost::math::ibetac_inv(0.5, 0.5 * df, 2 * std::min(p, 1 - p), &complement, Quiet());
  const double t = std::sqrt(df * x / complement);
  return p < 0.5 ? -t : t;
}

double f_pdf(double x, double df1, double df2) {
  check_argument(x);
  check_positive(df1);
  check_positive(df2);
  if (x < 0 || std::isinf(x)) return 0;
  const double scale = df1 / df2;
  const double y = scale * x / (1 + scale * x);
  return beta_pdf(y, 0.5 * df1, 0.5 * df2) * scale / ((1 + scale * x) * (1 + scale * x));
}

double f_cdf(double x, double df1, double df2) {
  check_argument(x);
  check_positive(df1);
  check_positive(df2);
  if (x <= 0) return 0;
  if (std::isinf(x)) return 1;
  return incomplete_beta(0.5 * df1, 0.5 * df2, 1 / (1 + df2 / (df1 * x)), df2 / (df2 + df1 * x));
}

double f_upper(double x, double df1, double df2) {
  check_argument(x);
  check_positive(df1);
  check_positive(df2);
  if (x <= 0) return 1;
  if (std::isinf(x)) return 0;
  return incomplete_beta(0.5 * df2, 0.5 * df1, df2 / (df2 + df1 * x), 1 / (1 + df2 / (df1 * x)));
}

double f_quantile(double p, double df1, double df2) {
  check_probability(p);
  check_positive(df1);
  check_positive(df2);
  if (p == 0) return 0;
  if (p == 1) return kInfinity;
  double complement = 0;
  const double y = boost::math::ibeta_inv(0.5 * df1, 0.5 * df2, p, &complement, Quiet());
  return df2 * y / (df1 * complement);
}

double chi_squared_pdf(double x, double df) {
  check_argument(x);
  check_positive(df);
  if (x < 0 || std::isinf(x)) return 0;
  if (x == 0) return df < 2 ? kInfinity : df == 2 ? 0.5 : 0;
  return 0.5 * boost::math::gamma_p_derivative(0.5 * df, 0.5 * x, Quiet());
}

double chi_squared_cdf(double x, double df) {
  check_argument(x);
  check_positive(df);
  if (x <= 0) return 0;
  return std::isinf(x) ? 1 : boost::math::gamma_p(0.5 * df, 0.5 * x, Quiet());
}

double chi_squared_upper(double x, double df) {
  check_argument(x);
  check_positive(df);
  if (x <= 0) return 1;
  return std::isinf(x) ? 0 : boost::math::gamma_q(0.5 * df, 0.5 * x, Quiet());
}

double chi_squared_quantile(double p, double df) {
  check_probability(p);
  check_positive(df);
  if (p == 0) return 0;
  if (p == 1) return kInfinity;
  return 2 * boost::math::gamma_p_inv(0.5 * df, p, Quiet());
}

double beta_pdf(double x, double a, double b) {
  check_argument(x);
  check_positive(a);
  check_positive(b);
  if (x < 0 || x > 1) return 0;
  if (x == 0) return a < 1 ? kInfinity : a == 1 ? b : 0;
  if (x == 1) return b < 1 ? kInfinity : b == 1 ? a : 0;
  return boost::math::ibeta_derivative(a, b, x, Quiet());
}

double beta_cdf(double x, double a, double b) {
  check_argument(x);
  check_positive(a);
  check_positive(b);
  if (x <= 0) return 0;
  return x >= 1 ? 1 : boost::math::ibeta(a, b, x, Quiet());
}

double beta_upper(double x, double a, double b) {
  check_argument(x);
  check_positive(a);
  check_positive(b);
  if (x <= 0) return 1;
  return x >= 1 ? 0 : boost::math::ibetac(a, b, x, Quiet());
}

double beta_quantile(double p, double a, double b) {
  check_probability(p);
  check_positive(a);
  check_positive(b);
  if (p == 0 || p == 1) return p;
  return boost::math::ibeta_inv(a, b, p, Quiet());
}

double binomial_log_pdf(std::int64_t k, std::int64_t n, double p) {
  check_binomial(n, p);
  if (k < 0 || k > n) return -kInfinity;
  if (p == 0) return k == 0 ? 0 : -kInfinity;
  if (p == 1) return k == n ? 0 : -kInfinity;
  const auto successes = static_cast<double>(k);
  const auto trials = static_cast<double>(n);
  if (k == 0) return trials * std::log1p(-p);
  if (k == n) return trials * std::log(p);
  const double failures = trials - successes;
  return stirling_error(trials) - stirling_error(successes) - stirling_error(failures) - deviance(successes, trials * p) -
         deviance(failures, trials * (1 - p)) + 0.5 * std::log(trials / (2 * std::numbers::pi * successes * failures));
}

double binomial_pdf(std::int64_t k, std::int64_t n, double p) { return std::exp(binomial_log_pdf(k, n, p)); }

double binomial_cdf(std::int64_t k, std::int64_t n, double p) {
  check_binomial(n, p);
  if (k < 0) return 0;
  if (k >= n) return 1;
  return beta_upper(p, static_cast<double>(k) + 1, static_cast<double>(n - k));
}

double binomial_upper(std::int64_t k, std::int64_t n, double p) {
  check_binomial(n, p);
  if (k < 0) return 1;
  if (k >= n) return 0;
  return beta_cdf(p, static_cast<double>(k) + 1, static_cast<double>(n - k));
}

double binomial_log_cdf(std::int64_t k, std::int64_t n, double p) {
  check_binomial(n, p);
  if (k < 0) return -kInfinity;
  if (k >= n) return 0;
  if (p == 0) return 0;
  if (p == 1) return -kInfinity;
  if (static_cast<double>(k) > static_cast<double>(n) * p) return std::log1p(-binomial_upper(k, n, p));
  // Left tail: pdf(k) times a series of falling ratios pdf(j-1)/pdf(j) = j (1-p) / ((n-j+1) p) < 1.
  double series = 1;
  double term = 1;
  for (std::int64_t j = k; j > 0 && term > series * 1e-17; --j) {
    term *= static_cast<double>(j) * (1 - p) / (static_cast<double>(n - j + 1) * p);
    series += term;
  }
  return binomial_log_pdf(k, n, p) + std::log(series);
}

std::int64_t binomial_quantile(double q, std::int64_t n, double p) {
  check_probability(q);
  check_binomial(n, p);
  std::int64_t lo = 0;
  std::int64_t hi = n;  // cdf(n) = 1 >= q
  while (lo < hi) {
    const std::int64_t middle = lo + (hi - lo) / 2;
    if (binomial_cdf(middle, n, p) >= q)
      hi = middle;
    else
      lo = middle + 1;
  }
  return lo;
}

}  // namespace gimbal::stats
