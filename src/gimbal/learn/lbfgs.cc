#include <algorithm>
#include <cmath>
#include <limits>

#include "gimbal/learn/optimize.h"

namespace gimbal::learn {

namespace {

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double largest(std::span<const double> a) {
  double norm = 0;
  for (const double v : a) norm = std::max(norm, std::abs(v));
  return norm;
}

// The last pairs (s, y) of steps and gradient changes, and the two-loop recursion.
class InverseHessian {
 public:
  explicit InverseHessian(std::size_t memory) : memory_(memory) {}

  void add(std::vector<double> s, std::vector<double> y) {
    const double sy = dot(s, y);
    if (!(sy > 1e-12 * std::sqrt(dot(s, s) * dot(y, y)))) return;  // no positive curvature seen: the pair would spoil the model
    if (pairs_.size() == memory_) pairs_.erase(pairs_.begin());
    scale_ = sy / dot(y, y);
    pairs_.push_back({std::move(s), std::move(y), 1 / sy});
  }
  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }

  // -H gradient
  std::vector<double> direction(std::span<const double> gradient) const {
    std::vector<double> q(gradient.begin(), gradient.end());
    std::vector<double> alpha(pairs_.size());
    for (std::size_t k = pairs_.size(); k-- > 0;) {
      alpha[k] = pairs_[k].rho * dot(pairs_[k].s, q);
      for (std::size_t i = 0; i < q.size(); ++i) q[i] -= alpha[k] * pairs_[k].y[i];
    }
    const double scale = pairs_.empty() ? 1.0 : scale_;
    for (double& v : q) v *= scale;
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      const double beta = pairs_[k].rho * dot(pairs_[k].y, q);
      for (std::size_t i = 0; i < q.size(); ++i) q[i] += (alpha[k] - beta) * pairs_[k].s[i];
    }
    for (double& v : q) v = -v;
    return q;
  }

 private:
  struct Pair {
    std::vector<double> s, y;
    double rho;
  };
  std::size_t memory_;
  std::vector<Pair> pairs_;
  double scale_ = 1;
};

struct Probe {
  double t = 0, value = 0, slope = 0;
};

// The minimizer of the cubic through two probes with slopes, kept inside the middle 80 % of the interval.
double cubic_step(const Probe& a, const Probe& b) {
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t);
  const double square = d1 * d1 - a.slope * b.slope;
  const double lo = std::min(a.t, b.t), hi = std::max(a.t, b.t);
  double t = 0.5 * (lo + hi);
  if (square >= 0) {
    const double d2 = std::copysign(std::sqrt(square), b.t - a.t);
    const double candidate = b.t - (b.t - a.t) * (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
    if (std::isfinite(candidate)) t = candidate;
  }
  return std::clamp(t, lo + 0.1 * (hi - lo), hi - 0.1 * (hi - lo));
}

// Line search to the strong Wolfe conditions: widen until the minimum is bracketed, then shrink the bracket by cubics
// (Nocedal and Wright 2006, algorithms 3.5 and 3.6). `probe(t)` evaluates and keeps point and gradient.
template <typename Evaluate>
bool wolfe_search(const Evaluate& probe, const Probe& origin, double first_step) {
  const double c1 = 1e-4, c2 = 0.9;
  const double noise = 4 * std::numeric_limits<double>::epsilon() * std::max(std::abs(origin.value), 1.0);
  const auto flat = [&](const Probe& p) { return std::abs(p.slope) <= -c2 * origin.slope; };
  const auto low = [&](const Probe& p) { return p.value <= origin.value + c1 * p.t * origin.slope + noise; };
  Probe before = origin, lo, hi;
  double t = first_step;
  bool bracketed = false;
  for (int k = 0; k < 30 && !bracketed; ++k) {
    const Probe now = probe(t);
    if (!std::isfinite(now.value) || !std::isfinite(now.slope)) {
      t = before.t + 0.1 * (t - before.t);  // outside the domain: come back
      continue;
    }
    if (!low(now) || (k > 0 && now.value > before.value + noise)) {
      lo = before;
      hi = now;
      bracketed = true;
    } else if (flat(now)) {
      return true;
    } else if (now.slope >= 0) {
      lo = now;
      hi = before;
      bracketed = true;
    } else {
      before = now;
      t *= 2.5;
    }
  }
  if (!bracketed) return false;
  for (int k = 0; k < 40; ++k) {
    const Probe now = probe(cubic_step(lo, hi));
    if (!std::isfinite(now.value) || !low(now) || now.value > lo.value + noise) {
      hi = now;
      if (!std::isfinite(now.value) || !std::isfinite(now.slope)) {
        hi.value = lo.value + 1e3 * std::max(std::abs(lo.value), 1.0);
        hi.slope = std::abs(lo.slope);
      }
    } else {
      if (flat(now)) return true;
      if (now.slope * (hi.t - lo.t) >= 0) hi = lo;
      lo = now;
    }
    if (std::abs(hi.t - lo.t) <= 1e-14 * std::max(hi.t, lo.t)) break;
  }
  // The Wolfe point could not be resolved; a lower value will do.
  if (lo.t == 0) return false;
  probe(lo.t);
  return lo.value < origin.value;
}

}  // namespace

MinimizeResult lbfgs(const SmoothFunction& f, std::span<const double> start, LbfgsOptions options) {
  const std::size_t d = start.size();
  MinimizeResult out;
  out.x.assign(start.begin(), start.end());
  std::vector<double> gradient(d), trial(d), trial_gradient(d);
  out.value = f(out.x, gradient);
  out.evaluations = 1;
  InverseHessian memory(static_cast<std::size_t>(std::max(options.memory, 1)));
  std::vector<double> history{out.value};
  for (;; ++out.iterations) {
    out.gradient_norm = largest(gradient);
    if (out.gradient_norm <= options.gradient_tolerance) {
      out.converged = true;
      break;
    }
    if (history.size() > 10) {
      const double gained = history[history.size() - 11] - out.value;
      if (gained <= options.value_tolerance * std::max(std::abs(out.value), 1.0)) {
        out.converged = true;
        break;
      }
    }
    if (out.iterations >= options.max_iterations) break;
    std::vector<double> direction = memory.direction(gradient);
    double slope = dot(direction, gradient);
    if (!(slope < 0)) {
      memory.clear();
      direction = memory.direction(gradient);
      slope = dot(direction, gradient);
    }
    Probe last;
    const auto probe = [&](double t) {
      for (std::size_t i = 0; i < d; ++i) trial[i] = out.x[i] + t * direction[i];
      const double value = f(trial, trial_gradient);
      ++out.evaluations;
      last = {t, value, dot(trial_gradient, direction)};
      return last;
    };
    const double first = memory.empty() ? std::min(1.0, 1 / std::sqrt(dot(gradient, gradient))) : 1.0;
    if (!wolfe_search(probe, {0, out.value, slope}, first)) {
      if (!memory.empty()) {  // once more along the plain gradient
        memory.clear();
        continue;
      }
      // Along the gradient itself nothing is gained: the value is at the precision of double.
      out.converged = true;
      break;
    }
    std::vector<double> s(d), y(d);
    for (std::size_t i = 0; i < d; ++i) {
      s[i] = trial[i] - out.x[i];
      y[i] = trial_gradient[i] - gradient[i];
    }
    memory.add(std::move(s), std::move(y));
    out.x.swap(trial);
    gradient.swap(trial_gradient);
    out.value = last.value;
    history.push_back(out.value);
  }
  return out;
}

}  // namespace gimbal::learn
