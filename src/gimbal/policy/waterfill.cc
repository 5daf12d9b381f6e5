#include "gimbal/policy/waterfill.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "gimbal/base/check.h"

namespace gimbal::policy {

namespace {

// Insertion sort for the few arms of an ordinary table, std::sort beyond (measured break-even near 24).
template <typename Before>
void sort_order(std::vector<int>& order, std::size_t n, Before before) {
  if (n > 24) {
    std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), before);
    return;
  }
  for (std::size_t i = 1; i < n; ++i) {
    const int item = order[i];
    std::size_t j = i;
    for (; j > 0 && before(item, order[j - 1]); --j) order[j] = order[j - 1];
    order[j] = item;
  }
}

void reset_order(WaterfillScratch& scratch, std::size_t n) {
  if (scratch.order.size() < n) scratch.order.resize(n);
  for (std::size_t a = 0; a < n; ++a) scratch.order[a] = static_cast<int>(a);
}

// sum clamp((s - nu)/v, lo, hi) - target: non-increasing in nu.
double excess(std::span<const double> s, std::span<const double> v, std::span<const double> lo, std::span<const double> hi,
              double target, double nu) {
  double sum = -target;
  for (std::size_t a = 0; a < s.size(); ++a) sum += std::clamp((s[a] - nu) / v[a], lo[a], hi[a]);
  return sum;
}

// waterfill_box with the sum of D at `target`.
double fill_box(std::span<const double> s, std::span<const double> v, std::span<const double> lo, std::span<const double> hi,
                double target, std::span<double> d, WaterfillScratch& scratch) {
  const std::size_t n = s.size();
  // Levels at which an arm meets a bound: 2a its upper, 2a + 1 its lower one.
  reset_order(scratch, 2 * n);
  if (scratch.level.size() < 2 * n) scratch.level.resize(2 * n);
  for (std::size_t a = 0; a < n; ++a) {
    scratch.level[2 * a] = s[a] - v[a] * hi[a];
    scratch.level[2 * a + 1] = s[a] - v[a] * lo[a];
  }
  const std::vector<double>& level = scratch.level;
  sort_order(scratch.order, 2 * n, [&](int x, int y) { return level[x] < level[y]; });

  // The first level at which the sum has come down to the target, up to the rounding of a sum of n numbers of size 1: where
  // every arm stands at a bound the sum is flat, and its lower end is wanted.
  const double rounding = 2.3e-16 * static_cast<double>(n);
  std::size_t first = 0, last = 2 * n;
  while (first < last) {
    const std::size_t middle = (first + last) / 2;
    if (excess(s, v, lo, hi, target, level[scratch.order[middle]]) <= rounding)
      last = middle;
    else
      first = middle + 1;
  }
  const double from = first == 0 ? -std::numeric_limits<double>::infinity() : level[scratch.order[first - 1]];
  const double to = first == 2 * n ? std::numeric_limits<double>::infinity() : level[scratch.order[first]];

  // On (from, to) an arm is free iff its own levels enclose the interval: the sum is linear there.
  double bound_sum = 0, precision = 0, mean = 0;
  const auto is_free = [&](std::size_t a) { return level[2 * a] <= from && level[2 * a + 1] >= to && lo[a] < hi[a]; };
  for (std::size_t a = 0; a < n; ++a) {
    if (is_free(a)) {
      precision += 1 / v[a];
      mean += s[a] / v[a];
    } else {
      d[a] = level[2 * a] >= to ? hi[a] : lo[a];
      bound_sum += d[a];
    }
  }
  if (precision == 0) return std::isfinite(from) ? from : to;
  double nu = std::clamp((mean + bound_sum - target) / precision, from, to);
  // One refinement around nu: differences of nearly equal scores keep their digits where v is tiny or lambda large.
  double correction = bound_sum - target;
  for (std::size_t a = 0; a < n; ++a) {
    if (is_free(a)) correction += (s[a] - nu) / v[a];
  }
  correction /= precision;
  for (std::size_t a = 0; a < n; ++a) {
    if (is_free(a)) d[a] = std::clamp(((s[a] - nu) - correction) / v[a], lo[a], hi[a]);
  }
  return nu + correction;
}

}  // namespace

double waterfill(std::span<const double> s, std::span<const double> v, std::span<const double> lo, std::span<double> d,
                 WaterfillScratch& scratch) {
  const std::size_t n = s.size();
  GIMBAL_CHECK(n >= 1 && v.size() == n && lo.size() == n && d.size() == n, "one entry an arm");
  reset_order(scratch, n);
  if (scratch.level.size() < n) scratch.level.resize(n);
  double bound_sum = 0;
  for (std::size_t a = 0; a < n; ++a) {
    scratch.level[a] = s[a] - v[a] * lo[a];
    bound_sum += lo[a];
  }
  const std::vector<double>& level = scratch.level;
  sort_order(scratch.order, n, [&](int x, int y) { return level[x] > level[y]; });

  // Arms join from the highest level down as long as the water stands below their level.
  double precision = 0, mean = 0, nu = -std::numeric_limits<double>::infinity();
  std::size_t active = 0;
  for (; active < n; ++active) {
    const int a = scratch.order[active];
    if (nu >= level[a]) break;
    precision += 1 / v[a];
    mean += s[a] / v[a];
    bound_sum -= lo[a];
    nu = (mean + bound_sum) / precision;
  }
  // One refinement around nu, as in fill_box; the bounds of the inactive arms are summed afresh.
  double correction = 0;
  for (std::size_t j = active; j < n; ++j) correction += lo[scratch.order[j]];
  for (std::size_t j = 0; j < active; ++j) correction += (s[scratch.order[j]] - nu) / v[scratch.order[j]];
  correction /= precision;
  for (std::size_t j = 0; j < n; ++j) {
    const int a = scratch.order[j];
    d[a] = j < active ? std::max(lo[a], ((s[a] - nu) - correction) / v[a]) : lo[a];
  }
  return nu + correction;
}

double waterfill_box(std::span<const double> s, std::span<const double> v, std::span<const double> lo,
                     std::span<const double> hi, std::span<double> d, WaterfillScratch& scratch) {
  const std::size_t n = s.size();
  GIMBAL_CHECK(n >= 1 && v.size() == n && lo.size() == n && hi.size() == n && d.size() == n, "one entry an arm");
  return fill_box(s, v, lo, hi, 0.0, d, scratch);
}

void waterfill_limit(std::span<const double> mu, std::span<const double> v, std::span<const double> lo,
                     std::span<const double> hi, std::span<double> d, WaterfillScratch& scratch) {
  const std::size_t n = mu.size();
  GIMBAL_CHECK(n >= 1 && v.size() == n && lo.size() == n && hi.size() == n && d.size() == n, "one entry an arm");
  std::vector<int>& order = scratch.ranking;
  order.resize(n);
  for (std::size_t a = 0; a < n; ++a) order[a] = static_cast<int>(a);
  sort_order(order, n, [&](int x, int y) { return mu[x] > mu[y] || (mu[x] == mu[y] && x < y); });

  double rest = 0;  // mass above the lower bounds that is still to be given
  for (std::size_t a = 0; a < n; ++a) {
    d[a] = lo[a];
    rest -= lo[a];
  }
  for (std::size_t j = 0; j < n && rest > 0;) {
    std::size_t end = j;
    double room = 0, floor = 0;
    for (; end < n && mu[order[end]] == mu[order[j]]; ++end) {
      room += hi[order[end]] - lo[order[end]];
      floor += lo[order[end]];
    }
    if (room <= rest) {
      for (std::size_t t = j; t < end; ++t) d[order[t]] = hi[order[t]];
    } else if (end == j + 1) {
      d[order[j]] = lo[order[j]] + rest;
    } else {
      const std::size_t m = end - j;
      scratch.group.assign(5 * m, 0.0);
      const std::span<double> zero = std::span(scratch.group).first(m), group_v = std::span(scratch.group).subspan(m, m),
                              group_lo = std::span(scratch.group).subspan(2 * m, m),
                              group_hi = std::span(scratch.group).subspan(3 * m, m),
                              group_d = std::span(scratch.group).subspan(4 * m, m);
      for (std::size_t t = 0; t < m; ++t) {
        group_v[t] = v[order[j + t]];
        group_lo[t] = lo[order[j + t]];
        group_hi[t] = hi[order[j + t]];
      }
      fill_box(zero, group_v, group_lo, group_hi, floor + rest, group_d, scratch);
      for (std::size_t t = 0; t < m; ++t) d[order[j + t]] = group_d[t];
    }
    rest -= room;
    j = end;
  }
}

}  // namespace gimbal::policy
