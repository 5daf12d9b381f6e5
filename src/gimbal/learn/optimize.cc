#include "gimbal/learn/optimize.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

namespace gimbal::learn {

// ---------------------------------------------------------------------------------------------------------- one dimension

namespace {

// The state of a bracketing search: f has different signs at lo and hi.
struct Bracket {
  double lo, hi, f_lo, f_hi;
  int evaluations = 2;

  double width() const { return hi - lo; }
  void cut(double x, double value) {
    ++evaluations;
    if ((value < 0) == (f_lo < 0)) {
      lo = x;
      f_lo = value;
    } else {
      hi = x;
      f_hi = value;
    }
  }
  bool done(const RootOptions& options) const {
    const double size = std::max(std::abs(lo), std::abs(hi));
    const double finest = 2 * std::numeric_limits<double>::epsilon() * size;
    return width() <= std::max(options.x_tolerance * size, finest) || evaluations >= options.max_evaluations;
  }
  // The end with the smaller |f|.
  Root best() const {
    const bool low = std::abs(f_lo) <= std::abs(f_hi);
    return {low ? lo : hi, low ? f_lo : f_hi, lo, hi, evaluations};
  }
  double middle() const { return lo + 0.5 * (hi - lo); }
};

Result<Bracket> open_bracket(const std::function<double(double)>& f, double lo, double hi) {
  if (!(std::isfinite(lo) && std::isfinite(hi) && lo < hi))
    return fail(ErrorCode::kInvalidArgument, "a root is looked for between two finite ends, low before high; found {} and {}",
                lo, hi);
  Bracket bracket{lo, hi, f(lo), f(hi)};
  if (std::isnan(bracket.f_lo) || std::isnan(bracket.f_hi) || (bracket.f_lo < 0 && bracket.f_hi < 0) ||
      (bracket.f_lo > 0 && bracket.f_hi > 0))
    return fail(ErrorCode::kInvalidArgument, "no change of sign between {} and {}: the function is {} and {} there", lo, hi,
                bracket.f_lo, bracket.f_hi);
  return bracket;
}

bool small_enough(double value, const RootOptions& options) { return std::abs(value) <= options.f_tolerance; }

}  // namespace

Result<Root> bisect(const std::function<double(double)>& f, double lo, double hi, RootOptions options) {
  GIMBAL_TRY(Bracket bracket, open_bracket(f, lo, hi));
  while (!small_enough(bracket.best().value, options) && !bracket.done(options)) {
    const double x = bracket.middle();
    bracket.cut(x, f(x));
  }
  return bracket.best();
}

Result<Root> illinois(const std::function<double(double)>& f, double lo, double hi, RootOptions options) {
  GIMBAL_TRY(Bracket bracket, open_bracket(f, lo, hi));
  // The values used for the secant: the rule halves the one of an end that was kept twice in a row.
  double g_lo = bracket.f_lo, g_hi = bracket.f_hi;
  int kept = 0;   // -1: the low end was kept last, +1: the high end
  int steps = 0;  // since the width was last looked at
  double reference = bracket.width();
  while (!small_enough(bracket.best().value, options) && !bracket.done(options)) {
    double x = bracket.lo - g_lo * (bracket.width() / (g_hi - g_lo));
    bool halve = !(x > bracket.lo && x < bracket.hi);
    if (++steps == 3) halve = halve || bracket.width() > 0.5 * reference;
    if (halve) x = bracket.middle();
    if (x <= bracket.lo || x >= bracket.hi) break;  // no double lies between the ends
    const double old_lo = bracket.lo;
    bracket.cut(x, f(x));
    const bool moved_low = bracket.lo != old_lo;
    if (steps == 3) {
      steps = 0;
      reference = bracket.width();
    }
    if (halve) {
      g_lo = bracket.f_lo;
      g_hi = bracket.f_hi;
      kept = 0;
    } else if (moved_low) {
      g_lo = bracket.f_lo;
      g_hi = kept == 1 ? 0.5 * g_hi : bracket.f_hi;
      kept = 1;
    } else {
      g_hi = bracket.f_hi;
      g_lo = kept == -1 ? 0.5 * g_lo : bracket.f_lo;
      kept = -1;
    }
  }
  return bracket.best();
}

Minimum golden_section(const std::function<double(double)>& f, double lo, double hi, double x_tolerance) {
  const double ratio = 0.6180339887498949;  // (sqrt(5) - 1) / 2
  Minimum best{lo, f(lo), 1};
  const auto look = [&](double x) {
    const double value = f(x);
    ++best.evaluations;
    if (value < best.value) {
      best.x = x;
      best.value = value;
    }
    return value;
  };
  look(hi);
  const double stop = std::max(x_tolerance * (hi - lo), 0.0);
  double a = lo, b = hi;
  double left = b - ratio * (b - a), right = a + ratio * (b - a);
  double f_left = look(left), f_right = look(right);
  while (b - a > stop && left < right) {
    if (f_left <= f_right) {
      b = right;
      right = left;
      f_right = f_left;
      left = b - ratio * (b - a);
      if (!(left > a)) break;
      f_left = look(left);
    } else {
      a = left;
      left = right;
      f_left = f_right;
      right = a + ratio * (b - a);
      if (!(right < b)) break;
      f_right = look(right);
    }
  }
  return best;
}

// ------------------------------------------------------------------------------------------------- Newton with bounds

namespace {

// The largest component of x - project(x - gradient): 0 exactly at a solution.
double projected_gradient_norm(std::span<const double> x, std::span<const double> gradient, std::span<const double> lower,
                               std::span<const double> upper) {
  double norm = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    norm = std::max(norm, std::abs(x[i] - std::clamp(x[i] - gradient[i], lower[i], upper[i])));
  return norm;
}

// Solves H d = -g over the free variables; a ridge is added until the factorization exists.
std::vector<double> newton_direction(const Matrix& hessian, std::span<const double> gradient,
                                     const std::vector<std::size_t>& free) {
  const auto k = static_cast<Eigen::Index>(free.size());
  Eigen::MatrixXd h(k, k);
  Eigen::VectorXd g(k);
  for (Eigen::Index r = 0; r < k; ++r) {
    g[r] = gradient[free[static_cast<std::size_t>(r)]];
    for (Eigen::Index c = 0; c < k; ++c)
      h(r, c) = hessian(free[static_cast<std::size_t>(r)], free[static_cast<std::size_t>(c)]);
  }
  const double scale = std::max(h.diagonal().cwiseAbs().maxCoeff(), 1e-300);
  Eigen::VectorXd step;
  for (double ridge = 1e-14; ridge < 1e3; ridge *= 100) {
    Eigen::MatrixXd shifted = h;
    shifted.diagonal().array() += ridge * scale;
    const Eigen::LLT<Eigen::MatrixXd> factor(shifted);
    if (factor.info() != Eigen::Success) continue;
    step = factor.solve(-g);
    if (step.allFinite()) break;
  }
  if (step.size() != k || !step.allFinite()) step = -g / scale;
  return {step.data(), step.data() + k};
}

}  // namespace

MinimizeResult projected_newton(const CurvedFunction& f, std::span<const double> start, std::span<const double> lower,
                                std::span<const double> upper, ProjectedNewtonOptions options) {
  const std::size_t d = start.size();
  GIMBAL_CHECK(lower.size() == d && upper.size() == d, "bounds need one value a variable");
  MinimizeResult out;
  out.x.assign(start.begin(), start.end());
  for (std::size_t i = 0; i < d; ++i) out.x[i] = std::clamp(out.x[i], lower[i], upper[i]);
  std::vector<double> gradient(d), trial(d), trial_gradient(d);
  Matrix hessian(d, d);
  out.value = f(out.x, gradient, &hessian);
  out.evaluations = 1;
  for (;; ++out.iterations) {
    out.gradient_norm = projected_gradient_norm(out.x, gradient, lower, upper);
    if (out.gradient_norm <= options.gradient_tolerance) {
      out.converged = true;
      break;
    }
    if (out.iterations >= options.max_iterations) break;
    // A variable at a bound (or so near that a gradient step reaches it) that the gradient pushes outward takes no part in the
    // Newton system; otherwise zigzagging is possible (Bertsekas 1982).
    const double near = std::min(out.gradient_norm, 1e-8);
    std::vector<std::size_t> free;
    std::vector<char> bound(d, 0);
    for (std::size_t i = 0; i < d; ++i) {
      bound[i] = (gradient[i] > 0 && out.x[i] <= lower[i] + near) || (gradient[i] < 0 && out.x[i] >= upper[i] - near);
      if (!bound[i]) free.push_back(i);
    }
    std::vector<double> direction(d);
    for (std::size_t i = 0; i < d; ++i) direction[i] = bound[i] ? -gradient[i] : 0;
    if (!free.empty()) {
      const std::vector<double> step = newton_direction(hessian, gradient, free);
      for (std::size_t k = 0; k < free.size(); ++k) direction[free[k]] = step[k];
    }
    // Armijo along the projected path. Differences of f below its rounding error are accepted when the gradient shrinks, which
    // carries the last digits where the values no longer tell.
    const double noise = 8 * std::numeric_limits<double>::epsilon() * std::max(std::abs(out.value), 1.0);
    bool moved = false;
    for (double t = 1; t > 1e-18 && !moved; t *= 0.5) {
      double slope = 0;
      bool changed = false;
      for (std::size_t i = 0; i < d; ++i) {
        trial[i] = std::clamp(out.x[i] + t * direction[i], lower[i], upper[i]);
        slope += gradient[i] * (trial[i] - out.x[i]);
        changed = changed || trial[i] != out.x[i];
      }
      if (!changed) break;
      const double value = f(trial, trial_gradient, nullptr);
      ++out.evaluations;
      if (!std::isfinite(value)) continue;
      const bool descends = value <= out.value + 1e-4 * slope;
      const bool level =
          value <= out.value + noise && projected_gradient_norm(trial, trial_gradient, lower, upper) <= 0.9 * out.gradient_norm;
      if (!descends && !level) continue;
      out.x.swap(trial);
      moved = true;
    }
    if (!moved) break;
    std::fill(hessian.values().begin(), hessian.values().end(), 0.0);
    out.value = f(out.x, gradient, &hessian);
    ++out.evaluations;
  }
  return out;
}

}  // namespace gimbal::learn
