#include "gimbal/policy/point_summaries.h"

#include <algorithm>
#include <numeric>

#include "gimbal/base/parallel.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kUnitsPerChunk = 16384;

// Sums of one chunk of units at each point: shares (arm by arm), sum of pi^2/e, movement, and the largest weight.
struct ChunkSums {
  std::vector<double> shares;
  std::vector<double> inverse, moved, largest;
  ChunkSums(std::size_t points, std::size_t arms)
      : shares(points * arms, 0.0), inverse(points, 0.0), moved(points, 0.0), largest(points, 0.0) {}
};

// Adds one piece of a unit's path after the other, each at all points inside it: per point and arm a dozen operations on
// neighbouring numbers.
class UnitWalk {
 public:
  // `ascending`: the lambdas of the points; infinity counts as the end of the last piece, which is constant.
  UnitWalk(const UnitModel& model, std::span<const double> ascending, ChunkSums& sums)
      : model_(model), lambdas_(ascending), at_(ascending.begin(), ascending.end()), sums_(sums), packed_(model.arms()) {
    for (double& lambda : at_) {
      if (lambda == kInfinity) lambda = 0;
    }
  }

  void add(std::size_t i) {
    unit_ = i;
    next_ = 0;
    weight_ = model_.table().weight_of(i);
    model_.load(i, work_);
    alpha_.assign(work_.count, 0.0);
    beta_.assign(work_.count, 0.0);
    model_.walk(work_, [this](double lambda, std::span<const double> alpha, std::span<const double> beta) {
      std::size_t end = next_;
      while (end < lambdas_.size() && lambdas_[end] < lambda) ++end;
      add_piece(end);
      alpha_.assign(alpha.begin(), alpha.end());
      beta_.assign(beta.begin(), beta.end());
    });
    std::size_t finite = next_;
    while (finite < lambdas_.size() && lambdas_[finite] < kInfinity) ++finite;
    add_piece(finite);
    add_piece(lambdas_.size());
    if (work_.count < model_.arms()) add_unmoved();
  }

 private:
  // The points from next_ to `end`, all on the current piece.
  void add_piece(std::size_t end) {
    const Table& table = model_.table();
    for (std::size_t j = 0; j < work_.count && next_ < end; ++j) {
      const auto a = static_cast<std::size_t>(work_.arm[j]);
      add_arm(a, end, table.baseline(unit_, a), alpha_[j], beta_[j], 1 / table.e(unit_, a));
    }
    next_ = end;
  }

  void add_arm(std::size_t a, std::size_t end, double b, double alpha, double beta, double inverse_e) {
    double* shares = sums_.shares.data() + a * at_.size();
    const double weight = weight_, half = 0.5 * weight_;
    for (std::size_t p = next_; p < end; ++p) {
      const double d = alpha + beta * at_[p];
      const double pi = std::clamp(b + d, 0.0, 1.0), ratio = pi * inverse_e;
      shares[p] += weight * pi;
      sums_.moved[p] += half * std::abs(d);
      sums_.inverse[p] += weight * (pi * ratio);
      sums_.largest[p] = std::max(sums_.largest[p], ratio);
    }
  }

  // Arms that are not packed keep the baseline at all points.
  void add_unmoved() {
    std::fill(packed_.begin(), packed_.end(), 0);
    for (std::size_t j = 0; j < work_.count; ++j) packed_[static_cast<std::size_t>(work_.arm[j])] = 1;
    const Table& table = model_.table();
    for (std::size_t a = 0; a < packed_.size(); ++a) {
      const double b = table.baseline(unit_, a);
      if (packed_[a] || b <= 0) continue;
      next_ = 0;
      add_arm(a, at_.size(), b, 0.0, 0.0, 1 / table.e(unit_, a));
    }
  }

  const UnitModel& model_;
  std::span<const double> lambdas_;
  std::vector<double> at_;
  ChunkSums& sums_;
  Unit work_;
  std::size_t unit_ = 0, next_ = 0;
  double weight_ = 1;
  std::vector<double> alpha_, beta_;
  std::vector<char> packed_;
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
      for (std::size_t a = 0; a < arms; ++a) summary.shares[a] += chunk.shares[a * points + p] / total;
      inverse += chunk.inverse[p] / total;
      summary.moved += chunk.moved[p] / total;
      summary.max_weight = std::max(summary.max_weight, chunk.largest[p]);
    }
    summary.ess = static_cast<double>(n) / inverse;
  }
  return out;
}

}  // namespace gimbal::policy
