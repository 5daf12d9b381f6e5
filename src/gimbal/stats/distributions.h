// Distribution functions in double: density, lower and upper tail, quantile.
//
// `upper` functions are the survival function P(X > x) computed directly, so that small p-values keep their digits (1 - cdf has
// none left below 1e-16). Quantiles at 0 and 1 give the ends of the support. A NaN argument, a parameter out of range or a
// probability outside [0, 1] breaks a precondition (GIMBAL_CHECK): parameters come from code, data are checked before.
// Incomplete beta and gamma functions are Boost.Math's; the normal quantile is AS 241 of base/random.h.
#pragma once

#include <cstdint>

namespace gimbal::stats {

double normal_pdf(double x);
double normal_cdf(double x);
double normal_upper(double x);  // relative error below 1e-12 down to 1e-300
double normal_quantile(double p);

// df > 0, any real.
double student_t_pdf(double x, double df);
double student_t_cdf(double x, double df);
double student_t_upper(double x, double df);
double student_t_quantile(double p, double df);

// df1, df2 > 0. The cdf is 0 for x <= 0.
double f_pdf(double x, double df1, double df2);
double f_cdf(double x, double df1, double df2);
double f_upper(double x, double df1, double df2);
double f_quantile(double p, double df1, double df2);

// df > 0. The cdf is 0 for x <= 0.
double chi_squared_pdf(double x, double df);
double chi_squared_cdf(double x, double df);
double chi_squared_upper(double x, double df);
double chi_squared_quantile(double p, double df);

// a, b > 0. The cdf is 0 below 0 and 1 above 1.
double beta_pdf(double x, double a, double b);
double beta_cdf(double x, double a, double b);
double beta_upper(double x, double a, double b);
double beta_quantile(double p, double a, double b);

// Successes in n >= 0 trials of probability p in [0, 1]. k is any integer: below 0 and above n the answers are those of an
// empty and a full tail. log_pdf by Loader's saddle-point form (2000), which keeps its digits for large n; log_cdf stays finite
// where the cdf underflows. `quantile`: the smallest k with cdf(k) >= q, consistent with `binomial_cdf` to the bit; O(log n)
// cdfs.
double binomial_log_pdf(std::int64_t k, std::int64_t n, double p);
double binomial_pdf(std::int64_t k, std::int64_t n, double p);
double binomial_cdf(std::int64_t k, std::int64_t n, double p);    // P(X <= k)
double binomial_upper(std::int64_t k, std::int64_t n, double p);  // P(X > k)
double binomial_log_cdf(std::int64_t k, std::int64_t n, double p);
std::int64_t binomial_quantile(double q, std::int64_t n, double p);

}  // namespace gimbal::stats
