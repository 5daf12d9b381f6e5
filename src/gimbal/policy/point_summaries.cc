#include "gimbal/policy/point_summaries.h"

#include <algorithm>
#include <numeric>

#include "gimbal/base/parallel.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kUnitsPerChunk = 16384;

// Sums of one chunk of units, a row a point: K shares, sum of pi^2/e, movement, and the largest weight.
struct ChunkSums {
  std::vector<double> shares;
  std::vector<double> inverse, moved, largest;
  ChunkSums(std::size_t points, std::size_t arms) : shares(points * arms, 0.0), inverse(points, 0.0), moved(points, 0.0), largest(points, 0.0) {}
};

class UnitWalk {
 public:
  UnitWalk(const UnitModel& model, std::span<const double> ascending, ChunkSums& sums) : model_(model), lambdas_(ascending), sums_(sums) {}

  void add(std::size_t i) {
    unit_ = i;
    next_ = 0;
    model_.load(i, work_);
    alpha_.assign(work_.count, 0.0);
    beta_.assign(work_.count, 0.0);
    model_.walk(work_, [this](double lambda, std::span<const double> alpha, std::span<const double> beta) {
      evaluate_below(lambda);
      alpha_.assign(alpha.begin(), alpha.end());
      beta_.assign(beta.begin(), beta.end());
    });
    evaluate_below(kInfinity);
    while (next_ < lambdas_.size()) evaluate(kInfinity);
  }

 private:
  void evaluate_below(double limit) {
    while (next_ < lambdas_.size() && lambdas_[next_] < limit) evaluate(lambdas_[next_]);
  }

  void evaluate(double lambda) {
    const Table& table = model_.table();
    const std::size_t arms = model_.arms(), p = next_++;
    const double weight = table.weight_of(unit_);
    deviation_.assign(arms, 0.0);  // arms that are not packed do not move
    for (std::size_t j = 0; j < work_.count; ++j) {
      deviation_[static_cast<std::size_t>(work_.arm[j])] = lambda == kInfinity ? alpha_[j] : alpha_[j] + beta_[j] * lambda;
    }
    double inverse = 0, moved = 0;
    for (std::size_t a = 0; a < arms; ++a) {
      const double pi = std::clamp(table.baseline(unit_, a) + deviation_[a], 0.0, 1.0);
      sums_.shares[p * arms + a] += weight * pi;
      moved += std::abs(deviation_[a]);
      if (pi > 0) {
        inverse += pi * pi / table.e(unit_, a);
        sums_.largest[p] = std::max(sums_.largest[p], pi / table.e(unit_, a));
      }
    }
    sums_.inverse[p] += weight * inverse;
    sums_.moved[p] += weight * 0.5 * moved;
  }

  const UnitModel& model_;
  std::span<const double> lambdas_;
  ChunkSums& sums_;
  Unit work_;
  std::size_t unit_ = 0, next_ = 0;
  std::vector<double> alpha_, beta_, deviation_;
};

}  // namespace

std::vector<PolicySummary> summarize_points(const UnitModel& model, std::span<const double> lambdas) {
  const std::size_t points = lambdas.size(), arms = model.arms(), n = model.units();
  std::vector<std::size_t> order(points);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return lambdas[a] < lambdas[b]; });
  std::vector<double> ascending(points);
  for (std::size_t p = 0; p < points; ++p) ascending[p] = lambdas[order[p]];

  const std::size_t chunks = (n + kUnitsPerChunk - 1) / kUnitsPerChunk;
  std::vector<ChunkSums> sums(chunks, ChunkSums(points, arms));
  parallel_for(n, kUnitsPerChunk, [&](std::size_t begin, std::size_t end) {
    UnitWalk walk(model, ascending, sums[begin / kUnitsPerChunk]);
    for (std::size_t i = begin; i < end; ++i) walk.add(i);
  });

  std::vector<PolicySummary> out(points);
  const double total = model.total_weight();
  for (std::size_t p = 0; p < points; ++p) {
    PolicySummary& summary = out[order[p]];
    summary.shares.assign(arms, 0.0);
    double inverse = 0;
    for (const ChunkSums& chunk : sums) {
      for (std::size_t a = 0; a < arms; ++a) summary.shares[a] += chunk.shares[p * arms + a] / total;
      inverse += chunk.inverse[p] / total;
      summary.moved += chunk.moved[p] / total;
      summary.max_weight = std::max(summary.max_weight, chunk.largest[p]);
    }
    summary.ess = static_cast<double>(n) / inverse;
  }
  return out;
}

}  // namespace gimbal::policy
