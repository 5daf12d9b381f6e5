#include "gimbal/stats/bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "gimbal/base/parallel.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::stats {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// Replicates that share a buffer; small, so that even 100 draws spread over all threads.
constexpr std::size_t kReplicatesPerChunk = 4;

// More undefined replicates than this, and the rest no longer stand for the sampling distribution.
constexpr double kUndefinedShare = 0.05;

Result<void> check_options(const BootstrapOptions& options) {
  if (options.draws < 2)
    return fail(ErrorCode::kInvalidArgument, "a bootstrap needs at least 2 draws, found {}", options.draws);
  if (!(options.level > 0 && options.level < 1)) {
    return fail(ErrorCode::kInvalidArgument, "a bootstrap's level must lie in (0, 1), found {}", options.level);
  }
  if (!options.stream) return fail(ErrorCode::kInvalidArgument, "a bootstrap needs a random stream for its replicates");
  return {};
}

Result<void> check_unit_count(std::size_t count, bool clusters) {
  if (count >= 2) return {};
  return fail(ErrorCode::kInsufficientData, "a bootstrap needs at least 2 {}, found {}", clusters ? "clusters" : "rows", count);
}

// Which unit each row belongs to (empty: row i is unit i), and how many units there are.
struct UnitIndex {
  std::vector<std::int64_t> of_row;
  std::size_t count = 0;
};

Result<UnitIndex> index_units(const BootstrapUnits& units) {
  UnitIndex index{.of_row = {}, .count = units.rows};
  if (!units.cluster.empty()) {
    if (units.cluster.size() != units.rows) {
      return fail(ErrorCode::kInvalidArgument, "{} cluster ids for {} rows", units.cluster.size(), units.rows);
    }
    index.of_row = dense_ids(units.cluster);
    index.count = static_cast<std::size_t>(*std::max_element(index.of_row.begin(), index.of_row.end())) + 1;
  }
  GIMBAL_TRY(check_unit_count(index.count, !units.cluster.empty()));
  return index;
}

void draw_unit_weights(BootstrapKind kind, Stream& stream, std::span<double> weight) {
  if (kind == BootstrapKind::kBayes) {
    for (double& w : weight) w = stream.exponential();
    return;
  }
  std::fill(weight.begin(), weight.end(), 0.0);
  for (std::size_t i = 0; i < weight.size(); ++i) weight[stream.below(weight.size())] += 1;
}

tl::unexpected<Error> interrupted() { return fail(ErrorCode::kInterrupted, "the bootstrap was stopped"); }

bool usable(const StatisticValue& replicate, BootstrapKind kind) {
  if (!std::isfinite(replicate.value)) return false;
  return kind != BootstrapKind::kStudentized || (std::isfinite(replicate.se) && replicate.se > 0);
}

Result<BootstrapInterval> interval_of(const StatisticValue& data, std::span<const StatisticValue> replicates,
                                      const BootstrapOptions& options) {
  const bool studentized = options.kind == BootstrapKind::kStudentized;
  std::vector<double> values;
  std::vector<double> pivots;  // what the tails are taken of
  for (const StatisticValue& replicate : replicates) {
    if (!usable(replicate, options.kind)) continue;
    values.push_back(replicate.value);
    pivots.push_back(studentized ? (replicate.value - data.value) / replicate.se : replicate.value);
  }
  const std::size_t undefined = replicates.size() - values.size();
  if (values.size() < 2 || static_cast<double>(undefined) > kUndefinedShare * static_cast<double>(replicates.size())) {
    return fail(ErrorCode::kInsufficientData,
                "the statistic{} is undefined in {} of {} bootstrap replicates: too few or too similar data",
                studentized ? " or its standard error" : "", undefined, replicates.size());
  }
  const std::array<double, 2> tails{0.5 * (1 - options.level), 0.5 * (1 + options.level)};
  GIMBAL_TRY(const std::vector<double> q, quantiles(pivots, tails));
  GIMBAL_TRY(const double se, sd(values));
  BootstrapInterval out{
      .estimate = data.value, .lo = q[0], .hi = q[1], .se = se, .draws = replicates.size(), .undefined = undefined};
  if (studentized) {
    out.lo = data.value - data.se * q[1];
    out.hi = data.value - data.se * q[0];
  }
  return out;
}

// The mean and its standard error (clustered.h) of a resample of groups, from five running sums. With A_g the group's centred
// sum and B_g its weight: delta = sum A / sum B, SE^2 = G/(G-1) sum (A - delta B)^2 / (sum B)^2.
class ResampledMean {
 public:
  void add(const GroupSum& group) {
    a_ += group.value;
    b_ += group.weight;
    aa_ += group.value * group.value;
    ab_ += group.value * group.weight;
    bb_ += group.weight * group.weight;
  }
  void add(const GroupSum& group, double times) {
    a_ += times * group.value;
    b_ += times * group.weight;
  }
  StatisticValue value(double center, std::size_t groups) const {
    if (!(b_ > 0)) return {kUndefined, kUndefined};
    const double delta = a_ / b_;
    const double squares = std::max(0.0, aa_ - delta * (2 * ab_ - delta * bb_));
    const auto g = static_cast<double>(groups);
    // Rounding of the sums alone: a resample of equal values has no standard error.
    const bool constant = squares <= 1e-14 * aa_;
    return {center + delta, constant ? 0.0 : std::sqrt(g / (g - 1) * squares) / b_};
  }

 private:
  double a_ = 0;
  double b_ = 0;
  double aa_ = 0;
  double ab_ = 0;
  double bb_ = 0;
};

StatisticValue draw_mean(const GroupSums& data, BootstrapKind kind, Stream stream) {
  const std::size_t n = data.groups.size();
  ResampledMean mean;
  if (kind == BootstrapKind::kBayes) {
    for (const GroupSum& group : data.groups) mean.add(group, stream.exponential());
    return {mean.value(data.center, n).value, kUndefined};
  }
  for (std::size_t i = 0; i < n; ++i) mean.add(data.groups[stream.below(n)]);
  return mean.value(data.center, n);
}

}  // namespace

Result<void> bootstrap_replicates(const BootstrapUnits& units, const BootstrapOptions& options,
                                  const std::function<void(std::size_t replicate, std::span<const double> weight)>& body) {
  GIMBAL_TRY(check_options(options));
  GIMBAL_TRY(const UnitIndex index, index_units(units));
  const bool complete = parallel_for(options.draws, kReplicatesPerChunk, options.stop, [&](std::size_t begin, std::size_t end) {
    std::vector<double> unit_weight(index.count);
    std::vector<double> row_weight(index.of_row.size());
    for (std::size_t b = begin; b < end; ++b) {
      Stream stream = options.stream(b);
      draw_unit_weights(options.kind, stream, unit_weight);
      for (std::size_t i = 0; i < row_weight.size(); ++i)
        row_weight[i] = unit_weight[static_cast<std::size_t>(index.of_row[i])];
      body(b, row_weight.empty() ? unit_weight : row_weight);
    }
  });
  if (!complete) return interrupted();
  return {};
}

Result<BootstrapInterval> bootstrap(const BootstrapUnits& units, const Statistic& statistic, const BootstrapOptions& options) {
  const std::vector<double> ones(units.rows, 1.0);
  const StatisticValue data = units.rows > 0 ? statistic(ones) : StatisticValue{kUndefined, kUndefined};
  if (units.rows > 0 && !std::isfinite(data.value)) {
    return fail(ErrorCode::kInvalidArgument, "the statistic to bootstrap is not finite on the data: {}", data.value);
  }
  std::vector<StatisticValue> replicates(options.draws);
  GIMBAL_TRY(bootstrap_replicates(units, options,
                                  [&](std::size_t b, std::span<const double> weight) { replicates[b] = statistic(weight); }));
  if (options.kind == BootstrapKind::kStudentized && !(std::isfinite(data.se) && data.se >= 0)) {
    return fail(ErrorCode::kInvalidArgument, "a studentized bootstrap needs the statistic's standard error, found {}", data.se);
  }
  return interval_of(data, replicates, options);
}

Result<BootstrapInterval> bootstrap_mean(std::span<const double> psi, std::span<const double> weight,
                                         std::span<const std::int64_t> cluster, const BootstrapOptions& options) {
  GIMBAL_TRY(check_options(options));
  GIMBAL_TRY(const GroupSums data, group_sums(psi, weight, cluster));
  GIMBAL_TRY(check_unit_count(data.groups.size(), !cluster.empty()));
  ResampledMean mean;
  for (const GroupSum& group : data.groups) mean.add(group);
  std::vector<StatisticValue> replicates(options.draws);
  const bool complete = parallel_for(options.draws, kReplicatesPerChunk, options.stop, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) replicates[b] = draw_mean(data, options.kind, options.stream(b));
  });
  if (!complete) return interrupted();
  return interval_of(mean.value(data.center, data.groups.size()), replicates, options);
}

}  // namespace gimbal::stats
