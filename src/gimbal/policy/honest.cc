#include "gimbal/policy/honest.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "gimbal/base/parallel.h"
#include "gimbal/policy/deterministic.h"
#include "gimbal/stats/clustered.h"
#include "gimbal/stats/distributions.h"
#include "gimbal/stats/simultaneous.h"

namespace gimbal::policy {
namespace {

// Writes psi_i of all points for one unit. Each chunk makes its own, so that it may keep scratch space.
using PsiOfUnit = std::function<void(std::size_t unit, std::span<double> psi)>;
using PsiFactory = std::function<PsiOfUnit()>;

// Groups of a block of the Gram matrix: large enough for Eigen's blocked product, small enough for the cache with 101 points.
constexpr std::size_t kBlock = 64;
// At most this many partial P x P matrices are alive; a fixed number, so that sums do not depend on threads.
constexpr std::size_t kParts = 32;

Score tested_score(Score score) { return score == Score::kSnips ? Score::kCipw : score; }

// phi_ia of one unit.
void write_scores(const Table& table, const Logged& logged, Score score, double c0, std::size_t i, std::span<double> phi) {
  const auto given = static_cast<std::size_t>(logged.action[i]);
  const double y = logged.outcome[i];
  if (score == Score::kDr) {
    for (std::size_t a = 0; a < phi.size(); ++a) phi[a] = table.mu(i, a);
    phi[given] += (y - table.mu(i, given)) / table.e(i, given);
    return;
  }
  std::fill(phi.begin(), phi.end(), 0.0);
  phi[given] = (y - (score == Score::kIpw ? 0.0 : c0)) / table.e(i, given);
}

// Units in the order of their clusters: group g is order[first[g]] .. order[first[g + 1] - 1].
struct Groups {
  std::vector<std::size_t> order, first;
  std::size_t size() const { return first.size() - 1; }
};

Groups group_units(std::size_t n, std::span<const std::int64_t> cluster) {
  Groups out;
  out.order.resize(n);
  if (cluster.empty()) {
    std::iota(out.order.begin(), out.order.end(), std::size_t{0});
    out.first.resize(n + 1);
    std::iota(out.first.begin(), out.first.end(), std::size_t{0});
    return out;
  }
  const auto largest = static_cast<std::size_t>(*std::max_element(cluster.begin(), cluster.end()));
  std::vector<std::size_t> start(largest + 2, 0);
  for (const std::int64_t id : cluster) ++start[static_cast<std::size_t>(id) + 1];
  for (std::size_t g = 0; g <= largest; ++g) start[g + 1] += start[g];
  out.first = {0};
  for (std::size_t g = 0; g <= largest; ++g)
    if (start[g + 1] > start[g]) out.first.push_back(start[g + 1]);
  for (std::size_t i = 0; i < n; ++i) out.order[start[static_cast<std::size_t>(cluster[i])]++] = i;
  return out;
}

// Sums over groups g of the influences at all points: v = sum_{i in g} omega_i (psi_i - tau).
struct InfluenceSums {
  Eigen::MatrixXd gram;              // sum_g v v', lower triangle
  std::vector<double> z1_influence;  // sum_g (U_g - (z1/2)(U_g^2 - m_g))^2
};

InfluenceSums influence_sums(const HonestData& data, const PsiFactory& make_psi, std::span<const Moments> moments) {
  const std::size_t n = data.units(), points = moments.size();
  const Table& table = *data.table;
  double total_weight = 0;
  for (std::size_t i = 0; i < n; ++i) total_weight += table.weight_of(i);
  const Groups groups = group_units(n, data.logged->cluster);

  // u_i = (omega_i / mean omega)(psi_i - tau) / s; s = 0 (nobody moves) leaves u = 0.
  std::vector<double> scale(points), half_z1(points);
  for (std::size_t p = 0; p < points; ++p) {
    const double s = std::sqrt(score_variance(moments[p]));
    scale[p] = s > 0 ? static_cast<double>(n) / (total_weight * s) : 0.0;
    half_z1[p] = 0.5 * z1(moments[p]);
  }

  const std::size_t grain = std::max(kBlock, (groups.size() + kParts - 1) / kParts);
  std::vector<InfluenceSums> parts((groups.size() + grain - 1) / grain);
  parallel_for(groups.size(), grain, [&](std::size_t begin, std::size_t end) {
    InfluenceSums& sums = parts[begin / grain];
    const auto size = static_cast<Eigen::Index>(points);
    sums.gram = Eigen::MatrixXd::Zero(size, size);
    sums.z1_influence.assign(points, 0.0);
    const PsiOfUnit psi_of = make_psi();
    std::vector<double> psi(points);
    Eigen::MatrixXd block(size, static_cast<Eigen::Index>(kBlock));  // a column a group
    for (std::size_t g = begin; g < end;) {
      const std::size_t in_block = std::min(kBlock, end - g);
      block.setZero();
      for (std::size_t k = 0; k < in_block; ++k, ++g) {
        double* v = block.col(static_cast<Eigen::Index>(k)).data();
        for (std::size_t at = groups.first[g]; at < groups.first[g + 1]; ++at) {
          const std::size_t i = groups.order[at];
          psi_of(i, psi);
          const double omega = table.weight_of(i);
          for (std::size_t p = 0; p < points; ++p) v[p] += omega * (psi[p] - moments[p].tau);
        }
        const auto members = static_cast<double>(groups.first[g + 1] - groups.first[g]);
        for (std::size_t p = 0; p < points; ++p) {
          const double u = v[p] * scale[p];
          const double influence = u - half_z1[p] * (u * u - members);
          sums.z1_influence[p] += influence * influence;
        }
      }
      sums.gram.selfadjointView<Eigen::Lower>().rankUpdate(block.leftCols(static_cast<Eigen::Index>(in_block)));
    }
  });

  InfluenceSums total = std::move(parts[0]);
  for (std::size_t k = 1; k < parts.size(); ++k) {
    total.gram += parts[k].gram;
    for (std::size_t p = 0; p < points; ++p) total.z1_influence[p] += parts[k].z1_influence[p];
  }
  return total;
}

// The 1-alpha quantile of max_p |N(0, Corr)_p| over the first `in_band` points that move anybody.
Result<double> band_quantile(const InfluenceSums& sums, std::size_t in_band, double alpha, std::uint64_t seed) {
  std::vector<Eigen::Index> moving;
  for (std::size_t p = 0; p < in_band; ++p) {
    const auto at = static_cast<Eigen::Index>(p);
    if (sums.gram(at, at) > 0) moving.push_back(at);
  }
  if (moving.empty()) return 0.0;
  Matrix correlation(moving.size(), moving.size());
  for (std::size_t p = 0; p < moving.size(); ++p) {
    for (std::size_t q = 0; q <= p; ++q) {
      const double scale = std::sqrt(sums.gram(moving[p], moving[p]) * sums.gram(moving[q], moving[q]));
      correlation(p, q) = correlation(q, p) = p == q ? 1.0 : sums.gram(moving[p], moving[q]) / scale;
    }
  }
  return stats::max_abs_quantile(correlation, Matrix(), 1 - alpha, stats::kSimultaneousDraws, Stream(seed, "policy.band"));
}

Result<HonestPoints> finish_points(const HonestData& data, std::span<const double> lambdas, std::span<const Moments> moments,
                                   const PsiFactory& make_psi, std::size_t in_band, const TestSpec& test, std::uint64_t seed) {
  GIMBAL_CHECK(in_band <= lambdas.size() && moments.size() == lambdas.size(), "one lambda a point");
  HonestPoints out;
  if (lambdas.empty()) return out;
  const InfluenceSums sums = influence_sums(data, make_psi, moments);
  GIMBAL_TRY(out.band_quantile, band_quantile(sums, in_band, test.alpha, seed));

  const auto n = static_cast<double>(data.units());
  const Groups groups = group_units(data.units(), data.logged->cluster);
  const auto g = static_cast<double>(groups.size());
  const double z_interval = stats::normal_quantile(1 - test.alpha / 2);
  for (std::size_t p = 0; p < lambdas.size(); ++p) {
    HonestPoint point;
    const double s = std::sqrt(score_variance(moments[p]));
    point.lambda = lambdas[p];
    point.tau = moments[p].tau;
    point.z1 = z1(moments[p]);
    point.se = s / std::sqrt(test.n);
    point.se_train = s / std::sqrt(n);
    point.z = point.z1 * std::sqrt(test.n);
    point.power = power_at(point.z, test);
    point.units_required = units_required(point.z1, 0.8, test);
    point.tau_low = point.tau - z_interval * point.se_train;
    point.tau_high = point.tau + z_interval * point.se_train;
    point.band_low = point.tau - out.band_quantile * point.se_train;
    point.band_high = point.tau + out.band_quantile * point.se_train;
    const double se_z1 = s > 0 ? std::sqrt(g / (g - 1) * sums.z1_influence[p]) / n : 0.0;
    point.z1_low = point.z1 - z_interval * se_z1;
    point.z1_high = point.z1 + z_interval * se_z1;
    point.power_low = power_at(point.z1_low * std::sqrt(test.n), test);
    point.power_high = power_at(point.z1_high * std::sqrt(test.n), test);
    out.points.push_back(point);
  }
  return out;
}

// psi of one unit at all lambdas by walking the pieces of its path once.
class PathPsi {
 public:
  PathPsi(const FrontierPath& path, const UnitCoefficients& phi, std::span<const double> lambdas,
          std::span<const std::size_t> order)
      : path_(path), phi_of_(phi), lambdas_(lambdas), order_(order), phi_(path.model().arms()) {}

  void operator()(std::size_t i, std::span<double> psi) {
    const UnitModel& model = path_.model();
    model.load(i, unit_);
    phi_of_(i, phi_);
    // Between reports psi = intercept + slope lambda; a report closes the piece before it.
    double intercept = 0, slope = 0;
    std::size_t next = 0;
    const auto fill_below = [&](double lambda) {
      for (; next < order_.size() && lambdas_[order_[next]] < lambda; ++next)
        psi[order_[next]] = intercept + slope * lambdas_[order_[next]];
    };
    model.walk(unit_, [&](double lambda, std::span<const double> alpha, std::span<const double> beta) {
      fill_below(lambda);
      intercept = slope = 0;
      for (std::size_t k = 0; k < unit_.count; ++k) {
        const double phi = phi_[static_cast<std::size_t>(unit_.arm[k])];
        intercept += alpha[k] * phi;
        slope += beta[k] * phi;
      }
    });
    for (; next < order_.size(); ++next)  // the last piece is constant
      psi[order_[next]] = slope == 0 ? intercept : intercept + slope * lambdas_[order_[next]];
  }

 private:
  const FrontierPath& path_;
  const UnitCoefficients& phi_of_;
  std::span<const double> lambdas_;
  std::span<const std::size_t> order_;  // of lambdas_, ascending
  std::vector<double> phi_;
  Unit unit_;
};

std::vector<Moments> moments_at(const SegmentCurve& curve, std::span<const double> lambdas) {
  std::vector<Moments> out;
  for (const double lambda : lambdas) out.push_back(curve.at(lambda));
  return out;
}

PathSpec path_spec(const HonestData& data, Bounds bounds) { return {data.score, data.c0, std::move(bounds)}; }

}  // namespace

Result<void> check_honest_data(const HonestData& data) {
  const std::size_t n = data.units();
  const Logged& logged = *data.logged;
  if (logged.action.size() != n || logged.outcome.size() != n || (!logged.cluster.empty() && logged.cluster.size() != n))
    return fail(ErrorCode::kInvalidArgument,
                "the honest curve needs an action and an outcome for each of {} units; found {} and {}", n,
                logged.action.size(), logged.outcome.size());
  for (std::size_t i = 0; i < n; ++i) {
    const int a = logged.action[i];
    if (a < 0 || static_cast<std::size_t>(a) >= data.table->arm_count())
      return fail(ErrorCode::kInvalidArgument, "{} was given arm {}, outside 0..{}", data.table->unit_name(i), a,
                  data.table->arm_count() - 1);
    if (!(data.table->e(i, static_cast<std::size_t>(a)) > 0))
      return fail(ErrorCode::kInvalidArgument, "{} was given an arm whose propensity is 0", data.table->unit_name(i));
    if (!std::isfinite(logged.outcome[i]))
      return fail(ErrorCode::kInvalidArgument, "the outcome of {} is not finite", data.table->unit_name(i));
  }
  if (n < 2) return fail(ErrorCode::kInsufficientData, "the honest curve needs at least 2 units; found {}", n);
  if (!logged.cluster.empty()) {
    const std::size_t clusters = group_units(n, logged.cluster).size();
    if (clusters < 2)
      return fail(ErrorCode::kInsufficientData, "clustered errors need at least 2 clusters; found {}", clusters);
  }
  return {};
}

UnitCoefficients held_out_scores(const HonestData& data) {
  return [table = data.table, logged = data.logged, score = tested_score(data.score), c0 = data.c0](
             std::size_t i, std::span<double> phi) { write_scores(*table, *logged, score, c0, i, phi); };
}

std::vector<double> held_out_psi(const HonestData& data, const Matrix& pi) {
  const std::size_t n = data.units(), arms = data.table->arm_count();
  GIMBAL_CHECK(pi.rows() == n && pi.cols() == arms, "one probability a unit and arm");
  std::vector<double> psi(n);
  parallel_for(n, 4096, [&](std::size_t begin, std::size_t end) {
    std::vector<double> phi(arms);
    for (std::size_t i = begin; i < end; ++i) {
      write_scores(*data.table, *data.logged, tested_score(data.score), data.c0, i, phi);
      for (std::size_t a = 0; a < arms; ++a) psi[i] += deviation(pi(i, a), data.table->baseline(i, a)) * phi[a];
    }
  });
  return psi;
}

Result<Moments> held_out_moments(const HonestData& data, std::span<const double> psi) {
  GIMBAL_TRY(const stats::MeanEstimate mean, stats::mean_with_se(psi, data.table->weight, data.logged->cluster));
  return Moments{mean.mean, mean.mean * mean.mean + static_cast<double>(psi.size()) * mean.se * mean.se};
}

Result<HonestCurve> HonestCurve::build(HonestData data, Bounds bounds) {
  GIMBAL_TRY(check_honest_data(data));
  HonestCurve out;
  GIMBAL_TRY(out.path_, FrontierPath::build(data.table, path_spec(data, std::move(bounds))));
  const UnitCoefficients phi = held_out_scores(data);
  out.curve_ = out.path_->tested(phi, data.logged->cluster);
  if (!data.logged->cluster.empty()) out.independent_ = out.path_->tested(phi);
  out.data_ = std::move(data);
  return out;
}

Result<HonestCurve> HonestCurve::build_deterministic(HonestData data) {
  GIMBAL_TRY(check_honest_data(data));
  HonestCurve out;
  const UnitCoefficients phi = held_out_scores(data);
  GIMBAL_TRY(out.curve_, deterministic_tested(data.table, path_spec(data, {}), phi, data.logged->cluster));
  if (!data.logged->cluster.empty()) {
    GIMBAL_TRY(out.independent_, deterministic_tested(data.table, path_spec(data, {}), phi));
  }
  out.data_ = std::move(data);
  return out;
}

double HonestCurve::design_effect(double lambda) const {
  if (!independent_) return 1.0;
  const double independent = score_variance(independent_->at(lambda));
  return independent > 0 ? score_variance(curve_.at(lambda)) / independent : 1.0;
}

Moments HonestCurve::with_design_effect(double lambda, Moments plugin) const {
  return {plugin.tau, plugin.tau * plugin.tau + design_effect(lambda) * score_variance(plugin)};
}

Result<HonestPoints> HonestCurve::points(std::span<const double> lambdas, std::span<const double> extra, const TestSpec& test,
                                         std::uint64_t seed) const {
  std::vector<double> all(lambdas.begin(), lambdas.end());
  all.insert(all.end(), extra.begin(), extra.end());
  if (!path_) {
    Matrix psi(data_.units(), all.size());
    for (std::size_t p = 0; p < all.size(); ++p) {
      GIMBAL_TRY(const Matrix pi, deterministic_probabilities(data_.table, path_spec(data_, {}), all[p]));
      const std::vector<double> column = held_out_psi(data_, pi);
      for (std::size_t i = 0; i < column.size(); ++i) psi(i, p) = column[i];
    }
    return honest_points(data_, all, psi, lambdas.size(), test, seed);
  }
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return all[a] < all[b]; });
  const UnitCoefficients phi = held_out_scores(data_);
  const PsiFactory make_psi = [&] {
    return PsiOfUnit(
        [walker = PathPsi(*path_, phi, all, order)](std::size_t i, std::span<double> psi) mutable { walker(i, psi); });
  };
  return finish_points(data_, all, moments_at(curve_, all), make_psi, lambdas.size(), test, seed);
}

Result<HonestPoints> honest_points(const HonestData& data, std::span<const double> lambdas, const Matrix& psi,
                                   std::size_t in_band, const TestSpec& test, std::uint64_t seed) {
  GIMBAL_TRY(check_honest_data(data));
  GIMBAL_CHECK(psi.rows() == data.units() && psi.cols() == lambdas.size(), "one score a unit and point");
  std::vector<Moments> moments;
  for (std::size_t p = 0; p < lambdas.size(); ++p) {
    GIMBAL_TRY(const Moments at, held_out_moments(data, psi.column(p)));
    moments.push_back(at);
  }
  const PsiFactory make_psi = [&] {
    return PsiOfUnit([&](std::size_t i, std::span<double> out) { std::copy_n(psi.row(i).begin(), out.size(), out.begin()); });
  };
  return finish_points(data, lambdas, moments, make_psi, in_band, test, seed);
}

std::string_view promise_verdict_name(PromiseVerdict verdict) {
  switch (verdict) {
    case PromiseVerdict::kConsistent:
      return "consistent";
    case PromiseVerdict::kOverpromised:
      return "overpromised";
    case PromiseVerdict::kUnknown:
      return "unknown";
  }
  return "unknown";
}

PromiseGap promise_gap(PromiseGapAt at_max_tau, std::optional<PromiseGapAt> at_chosen) {
  PromiseGap out{at_max_tau, at_chosen, PromiseVerdict::kConsistent};
  const double gap = at_max_tau.plugin - at_max_tau.honest;
  if (!(at_max_tau.se_honest > 0) || !std::isfinite(at_max_tau.se_honest) || !std::isfinite(gap))
    out.verdict = PromiseVerdict::kUnknown;
  else if (gap > 2 * at_max_tau.se_honest || (at_max_tau.honest <= 0 && at_max_tau.plugin > 0))
    out.verdict = PromiseVerdict::kOverpromised;
  return out;
}

std::optional<Warning> promise_warning(const PromiseGap& gap) {
  if (gap.verdict != PromiseVerdict::kOverpromised) return std::nullopt;
  const PromiseGapAt& at = gap.at_max_tau;
  // As many decimals as the standard error has before its second digit: more would be noise.
  const int decimals = std::clamp(-static_cast<int>(std::floor(std::log10(at.se_honest))), 0, 12);
  return Warning{
      "overpromised",
      fmt::format(
          "the models promise {0:.{3}f} per unit; on rows they have not seen the same policies deliver {1:.{3}f} +- {2:.{3}f}",
          at.plugin, at.honest, at.se_honest, decimals),
      std::nullopt};
}

}  // namespace gimbal::policy
