// Small deterministic optimizers: roots and maxima in one dimension, Newton with bounds for a few variables, L-BFGS for many.
//
// They are pure functions of their callbacks: no randomness, no clock, no threads.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"

namespace gimbal::learn {

struct Root {
  double x = 0;
  double value = 0;  // f(x)
  double lo = 0;     // the final bracket: f changes sign in [lo, hi]
  double hi = 0;
  int evaluations = 0;
};

struct RootOptions {
  double x_tolerance = 1e-12;  // relative to max(|lo|, |hi|), never below two units in the last place
  double f_tolerance = 0;      // stop when |f| is at most this
  int max_evaluations = 200;
};

// A sign change of f in [lo, hi] by halving: the bracket halves at every evaluation; works for steps and kinks.
// Errors (both): invalid_argument unless lo < hi are finite and f(lo), f(hi) have different signs (or one is 0).
Result<Root> bisect(const std::function<double(double)>& f, double lo, double hi, RootOptions options = {});
// The same by regula falsi with the Illinois rule (Dowell and Jarratt 1971): order 1.44 for smooth f, falls back to halving
// whenever three steps have not halved the bracket.
Result<Root> illinois(const std::function<double(double)>& f, double lo, double hi, RootOptions options = {});

struct Minimum {
  double x = 0;
  double value = 0;
  int evaluations = 0;
};
// The minimum of a unimodal f in [lo, hi] by golden section; the ends are candidates too. For a maximum pass -f.
// `x_tolerance`: relative to hi - lo. Near a smooth minimum more than 1e-8 relative cannot be resolved from values of f.
Minimum golden_section(const std::function<double(double)>& f, double lo, double hi, double x_tolerance = 1e-8);

struct MinimizeResult {
  std::vector<double> x;
  double value = 0;
  double gradient_norm = 0;  // largest absolute component of the (projected) gradient at x
  int iterations = 0;
  int evaluations = 0;
  bool converged = false;  // gradient_norm <= tolerance, or no descent is left at the precision of double
};

// Returns f(x), writes the gradient and, when `hessian` is not null (d x d, zeroed), a positive semidefinite (generalized)
// Hessian.
using CurvedFunction = std::function<double(std::span<const double> x, std::span<double> gradient, Matrix* hessian)>;

struct ProjectedNewtonOptions {
  double gradient_tolerance = 1e-10;  // on the projected gradient
  int max_iterations = 100;
};

// Minimizes a convex function of few variables over the box [lower, upper] (Bertsekas 1982): Newton steps on the variables that
// are free, projected line search with Armijo's rule. Made for concave duals (pass the negative): piecewise quadratic functions
// with kinks in the gradient are fine, a singular Hessian is regularized. `lower`, `upper`: d each, infinities allowed; `start`
// is projected. O(d^3) an iteration.
MinimizeResult projected_newton(const CurvedFunction& f, std::span<const double> start, std::span<const double> lower,
                                std::span<const double> upper, ProjectedNewtonOptions options = {});

// Returns f(x) and writes the gradient. A non-finite value makes the line search step back.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct LbfgsOptions {
  int memory = 10;
  int max_iterations = 1000;
  double gradient_tolerance = 1e-8;  // largest absolute component
  double value_tolerance = 1e-14;    // stop when ten steps together lower f by less than this share of max(|f|, 1)
};

// Unconstrained minimum of a smooth function by limited-memory BFGS (Liu and Nocedal 1989) with a line search that ends at the
// strong Wolfe conditions. O(memory d) an iteration beside the callback.
MinimizeResult lbfgs(const SmoothFunction& f, std::span<const double> start, LbfgsOptions options = {});

}  // namespace gimbal::learn
