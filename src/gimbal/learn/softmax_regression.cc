// Rows are standardized block by block as they are read, so nothing of the size of the data is copied. A set of rows gives the
// mean loss, its gradient and its Hessian (class Problem); `newton` and `many_parameters` minimize it with the penalty;
// `choose_penalty` does so in every fold along the path of penalties; `fit_softmax` puts the pieces together.

#include "gimbal/learn/softmax_regression.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gimbal/base/parallel.h"
#include "gimbal/learn/cross_validation.h"
#include "gimbal/learn/optimize.h"

namespace gimbal::learn {

void Targets::get(std::size_t row, double* out) const {
  if (soft) {
    std::copy_n(soft->row(row).data(), classes, out);
  } else if (!label.empty()) {
    std::fill_n(out, classes, 0.0);
    out[label[row]] = 1;
  } else {
    out[0] = 1 - share[row];
    out[1] = share[row];
  }
}

int Targets::likeliest(std::size_t row) const {
  if (!soft && !label.empty()) return label[row];
  std::vector<double> t(static_cast<std::size_t>(classes));
  get(row, t.data());
  return static_cast<int>(std::max_element(t.begin(), t.end()) - t.begin());
}

namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kBlock = 256;      // rows of one matrix product
constexpr std::size_t kChunk = 1 << 12;  // rows of one parallel task
// A Hessian of more parameters costs more to build and factor than the iterations that it saves.
constexpr Index kNewtonLimit = 200;
constexpr double kTolerance = 1e-9;    // largest component of the gradient of the mean loss, standardized features
constexpr double kCvTolerance = 1e-5;  // moves the mean loss by about its square: far below what separates two penalties

// The features in use, with the numbers that standardize them, and the intercept as a leading column of ones.
struct Design {
  const Matrix* x = nullptr;
  bool intercept = true;
  std::vector<std::size_t> columns;
  std::vector<double> mean, inverse_sd;

  Index width() const { return static_cast<Index>(columns.size()) + (intercept ? 1 : 0); }
  void fill(std::span<const std::size_t> rows, RowMajor& out) const {
    for (std::size_t q = 0; q < rows.size(); ++q) {
      const double* features = x->row(rows[q]).data();
      double* z = out.row(static_cast<Index>(q)).data();
      if (intercept) *z++ = 1;
      for (std::size_t k = 0; k < columns.size(); ++k) z[k] = (features[columns[k]] - mean[k]) * inverse_sd[k];
    }
  }
};

Design make_design(const Matrix& x, const TrainingRows& rows, bool intercept) {
  const Moments moments = feature_moments(x, rows);
  Design design{&x, intercept, {}, {}, {}};
  for (std::size_t k = 0; k < x.cols(); ++k) {
    const double mean = intercept ? moments.mean[k] : 0;
    const double spread = intercept ? moments.sd[k] : std::hypot(moments.sd[k], moments.mean[k]);
    if (!(spread > 0)) continue;
    design.columns.push_back(k);
    design.mean.push_back(mean);
    design.inverse_sd.push_back(1 / spread);
  }
  return design;
}

// Turns the log odds of classes 1..K-1 against class 0 into probabilities of all classes; returns log(sum exp), class 0 at 0.
double softmax(const double* eta, int classes, double* p) {
  double top = 0;
  for (int k = 1; k < classes; ++k) top = std::max(top, eta[k - 1]);
  double sum = p[0] = std::exp(-top);
  for (int k = 1; k < classes; ++k) sum += p[k] = std::exp(eta[k - 1] - top);
  for (int k = 0; k < classes; ++k) p[k] /= sum;
  return top + std::log(sum);
}

struct Evaluation {
  double loss = 0;    // sum of w * log loss
  MatrixXd gradient;  // width x (K-1)
  MatrixXd hessian;   // lower triangle, parameters class by class; empty unless asked for
};

enum class Want { kLoss, kGradient, kHessian };

// Mean log loss over a set of rows, without the penalty.
class Problem {
 public:
  Problem(const Design& design, const Targets& targets, const TrainingRows& rows)
      : design_(design), targets_(targets), rows_(rows), others_(targets.classes - 1) {}

  Index width() const { return design_.width(); }
  Index others() const { return others_; }
  Index parameters() const { return width() * others_; }
  double count() const { return static_cast<double>(rows_.positive); }
  bool intercept() const { return design_.intercept; }

  // `theta`: width x (K-1). Means over the rows.
  Evaluation evaluate(const MatrixXd& theta, Want want) const {
    const std::size_t n = rows_.index.size(), chunks = (n + kChunk - 1) / kChunk;
    std::vector<Evaluation> parts(chunks);
    parallel_for(chunks, 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t c = first; c < last; ++c) parts[c] = sum(theta, want, c * kChunk, std::min(n, (c + 1) * kChunk));
    });
    Evaluation total = std::move(parts[0]);
    for (std::size_t c = 1; c < chunks; ++c) {
      total.loss += parts[c].loss;
      if (want != Want::kLoss) total.gradient += parts[c].gradient;
      if (want == Want::kHessian) total.hessian += parts[c].hessian;
    }
    total.loss /= count();
    total.gradient /= count();
    total.hessian /= count();
    return total;
  }

  // Intercepts at the log odds of the classes' shares, all else 0.
  MatrixXd start() const {
    MatrixXd theta = MatrixXd::Zero(width(), others_);
    if (!design_.intercept) return theta;
    std::vector<double> share(static_cast<std::size_t>(targets_.classes), 0.0), t(share.size());
    for (std::size_t r = 0; r < rows_.index.size(); ++r) {
      targets_.get(rows_.index[r], t.data());
      for (std::size_t k = 0; k < t.size(); ++k) share[k] += rows_.weight[r] * t[k];
    }
    for (Index k = 0; k < others_; ++k)
      theta(0, k) = std::log((share[static_cast<std::size_t>(k) + 1] + 0.5) / (share[0] + 0.5));
    return theta;
  }

 private:
  Evaluation sum(const MatrixXd& theta, Want want, std::size_t begin, std::size_t end) const {
    Evaluation out;
    if (want != Want::kLoss) out.gradient = MatrixXd::Zero(width(), others_);
    if (want == Want::kHessian) out.hessian = MatrixXd::Zero(parameters(), parameters());
    const auto classes = static_cast<std::size_t>(targets_.classes);
    RowMajor z(static_cast<Index>(kBlock), width()), eta, residual(static_cast<Index>(kBlock), others_);
    RowMajor p(static_cast<Index>(kBlock), targets_.classes), scaled;
    std::vector<double> t(classes);
    for (std::size_t at = begin; at < end; at += kBlock) {
      const auto size = static_cast<Index>(std::min(kBlock, end - at));
      design_.fill(std::span(rows_.index).subspan(at, static_cast<std::size_t>(size)), z);
      const auto zb = z.topRows(size);
      eta.noalias() = zb * theta;
      for (Index q = 0; q < size; ++q) {
        const std::size_t r = at + static_cast<std::size_t>(q);
        const double w = rows_.weight[r];
        targets_.get(rows_.index[r], t.data());
        double loss = softmax(eta.row(q).data(), targets_.classes, p.row(q).data());
        for (Index k = 0; k < others_; ++k) {
          loss -= t[static_cast<std::size_t>(k) + 1] * eta(q, k);
          residual(q, k) = w * (p(q, k + 1) - t[static_cast<std::size_t>(k) + 1]);
        }
        out.loss += w * loss;
      }
      if (want == Want::kLoss) continue;
      out.gradient.noalias() += zb.transpose() * residual.topRows(size);
      if (want == Want::kHessian) add_hessian(zb, p.topRows(size), at, scaled, out.hessian);
    }
    return out;
  }

  // Block (k, l) of the Hessian is sum w p_k (1[k=l] - p_l) z z', itself symmetric.
  template <typename Rows, typename Probabilities>
  void add_hessian(const Rows& z, const Probabilities& p, std::size_t at, RowMajor& scaled, MatrixXd& hessian) const {
    const Index d = width();
    for (Index k = 0; k < others_; ++k)
      for (Index l = 0; l <= k; ++l) {
        scaled = z;
        for (Index q = 0; q < z.rows(); ++q)
          scaled.row(q) *= std::sqrt(rows_.weight[at + static_cast<std::size_t>(q)] * p(q, k + 1) *
                                     (k == l ? 1 - p(q, k + 1) : p(q, l + 1)));
        auto block = hessian.block(k * d, l * d, d, d);
        block.template selfadjointView<Eigen::Lower>().rankUpdate(scaled.transpose(), k == l ? 1.0 : -1.0);
      }
  }

  const Design& design_;
  const Targets& targets_;
  const TrainingRows& rows_;
  Index others_;
};

// The blocks off the diagonal hold their lower triangles only: fill them up, so that the matrix is whole.
void complete(MatrixXd& hessian, Index width) {
  const Index classes = hessian.rows() / width;
  for (Index k = 0; k < classes; ++k)
    for (Index l = 0; l <= k; ++l) {
      auto block = hessian.block(k * width, l * width, width, width);
      for (Index c = 1; c < width; ++c)
        for (Index r = 0; r < c; ++r) block(r, c) = block(c, r);
      if (k != l) hessian.block(l * width, k * width, width, width) = block;
    }
}

// m sum_k |b_k - mean b|^2 over all K classes, b_0 = 0: value, and 2 m (b_k - mean b) added to the gradient.
double add_penalty(const MatrixXd& theta, double m, bool intercept, MatrixXd* gradient) {
  const Index first = intercept ? 1 : 0, d = theta.rows() - first;
  const auto b = theta.bottomRows(d);
  const VectorXd mean = b.rowwise().sum() / static_cast<double>(theta.cols() + 1);
  if (gradient) gradient->bottomRows(d) += 2 * m * (b.colwise() - mean);
  return m * ((b.colwise() - mean).squaredNorm() + mean.squaredNorm());
}

void add_penalty_hessian(double m, bool intercept, Index width, MatrixXd& hessian) {
  const Index classes = hessian.rows() / width;
  for (Index k = 0; k < classes; ++k)
    for (Index l = 0; l < classes; ++l)
      for (Index a = intercept ? 1 : 0; a < width; ++a)
        hessian(k * width + a, l * width + a) += 2 * m * ((k == l ? 1.0 : 0.0) - 1.0 / static_cast<double>(classes + 1));
}

VectorXd newton_step(const MatrixXd& hessian, const MatrixXd& gradient) {
  const Eigen::Map<const VectorXd> g(gradient.data(), gradient.size());
  const double scale = std::max(hessian.diagonal().maxCoeff(), 1e-300);
  for (double ridge = 0; ridge < 1; ridge = std::max(1e-12, 100 * ridge)) {
    MatrixXd shifted = hessian;
    shifted.diagonal().array() += ridge * scale;
    const Eigen::LLT<MatrixXd> factor(shifted);
    if (factor.info() != Eigen::Success) continue;
    const VectorXd step = -factor.solve(g);
    if (step.allFinite()) return step;
  }
  return -g / scale;
}

struct Solution {
  MatrixXd theta;
  MatrixXd data_hessian;  // of the likelihood near theta; kept between penalties
  int iterations = 0;
  bool converged = false;
};

// Newton's method. The Hessian is built anew only when the gradient fell by less than 0.7 of itself: a step with the old one
// costs d times less.
void newton(const Problem& problem, double penalty, double tolerance, int max_iterations, Solution& s) {
  const Index width = problem.width();
  const auto rebuild = [&] {
    s.data_hessian = problem.evaluate(s.theta, Want::kHessian).hessian;
    complete(s.data_hessian, width);
  };
  bool fresh = s.data_hessian.size() == 0;
  if (fresh) rebuild();
  const auto objective = [&](const MatrixXd& theta, MatrixXd& gradient) {
    Evaluation e = problem.evaluate(theta, Want::kGradient);
    gradient = std::move(e.gradient);
    return e.loss + add_penalty(theta, penalty, problem.intercept(), &gradient);
  };
  MatrixXd gradient, trial_gradient, hessian;
  double value = objective(s.theta, gradient);
  bool penalized = false;
  for (s.iterations = 0;; ++s.iterations) {
    const double norm = gradient.cwiseAbs().maxCoeff();
    s.converged = norm <= tolerance;
    if (s.converged || s.iterations >= max_iterations) return;
    if (!penalized) {
      hessian = s.data_hessian;
      add_penalty_hessian(penalty, problem.intercept(), width, hessian);
      penalized = true;
    }
    const VectorXd step = newton_step(hessian, gradient);
    const Eigen::Map<const MatrixXd> direction(step.data(), width, problem.others());
    const double slope = (direction.array() * gradient.array()).sum();
    const double noise = 8 * std::numeric_limits<double>::epsilon() * std::max(std::abs(value), 1.0);
    bool moved = false, halved = false;
    for (double t = 1; t > 1e-10 && !moved; t *= 0.5) {
      const MatrixXd trial = s.theta + t * direction;
      const double trial_value = objective(trial, trial_gradient);
      if (!(trial_value <= value + 1e-4 * t * slope + noise)) {
        halved = true;
        if (!fresh) break;  // an old Hessian is replaced before a step is halved
        continue;
      }
      s.theta = trial;
      value = trial_value;
      gradient.swap(trial_gradient);
      moved = true;
    }
    if (!moved && fresh) {  // the value is at the precision of double
      s.converged = norm <= 100 * tolerance;
      return;
    }
    const bool good = moved && !halved && gradient.cwiseAbs().maxCoeff() <= 0.3 * norm;
    fresh = !good;
    if (fresh) {
      rebuild();
      penalized = false;
    }
  }
}

void many_parameters(const Problem& problem, double penalty, double tolerance, int max_iterations, Solution& s) {
  const SmoothFunction f = [&](std::span<const double> x, std::span<double> gradient) {
    const MatrixXd theta = Eigen::Map<const MatrixXd>(x.data(), problem.width(), problem.others());
    Evaluation e = problem.evaluate(theta, Want::kGradient);
    const double value = e.loss + add_penalty(theta, penalty, problem.intercept(), &e.gradient);
    std::copy_n(e.gradient.data(), e.gradient.size(), gradient.data());
    return value;
  };
  LbfgsOptions options;
  options.max_iterations = 20 * max_iterations;
  options.gradient_tolerance = tolerance;
  const MinimizeResult result = lbfgs(f, {s.theta.data(), static_cast<std::size_t>(s.theta.size())}, options);
  s.theta = Eigen::Map<const MatrixXd>(result.x.data(), problem.width(), problem.others());
  s.iterations = result.iterations;
  s.converged = result.converged;
}

void minimize(const Problem& problem, double penalty, double tolerance, int max_iterations, Solution& s) {
  if (problem.parameters() == 0) {
    s.converged = true;
  } else if (problem.parameters() <= kNewtonLimit) {
    newton(problem, penalty, tolerance, max_iterations, s);
  } else {
    many_parameters(problem, penalty, tolerance, max_iterations, s);
  }
}

// The rows at the given places of `rows`, weights scaled anew.
TrainingRows subset(const TrainingRows& rows, const std::vector<std::size_t>& places) {
  TrainingRows out;
  double total = 0;
  for (const std::size_t r : places) {
    out.index.push_back(rows.index[r]);
    out.weight.push_back(rows.weight[r]);
    total += rows.weight[r];
    if (rows.weight[r] > 0) ++out.positive;
  }
  if (out.positive > 0)
    for (double& w : out.weight) w *= static_cast<double>(out.positive) / total;
  return out;
}

// Mean held-out log loss of each penalty (ascending). In each fold the path runs from the largest penalty down, each fit
// starting from the one before.
Result<std::vector<double>> held_out_losses(const Design& design, const Targets& targets, const TrainingRows& rows,
                                            const std::vector<double>& penalties, const LogisticOptions& options) {
  const std::size_t n = rows.index.size();
  std::vector<int> stratum(n);
  std::vector<std::int64_t> cluster;
  for (std::size_t r = 0; r < n; ++r) {
    stratum[r] = targets.likeliest(rows.index[r]);
    if (!options.cluster.empty()) cluster.push_back(options.cluster[rows.index[r]]);
  }
  if (options.folds < 2)
    return fail(ErrorCode::kInvalidArgument, "the penalty is chosen on at least 2 folds, found {}", options.folds);
  GIMBAL_TRY(const Folds folds, keyed_folds(options.stream, n, options.folds, {stratum, cluster}));
  const auto count = static_cast<std::size_t>(folds.count);
  Matrix loss(count, penalties.size());
  std::vector<double> weight(count, 0.0);
  parallel_for(count, 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t j = first; j < last; ++j) {
      const TrainingRows training = subset(rows, folds.training(static_cast<int>(j)));
      const TrainingRows held_out = subset(rows, folds.held_out(static_cast<int>(j)));
      if (training.positive == 0 || held_out.positive == 0) continue;
      for (const std::size_t r : folds.held_out(static_cast<int>(j))) weight[j] += rows.weight[r];
      const Problem fit(design, targets, training), test(design, targets, held_out);
      Solution s;
      s.theta = fit.start();
      for (std::size_t p = penalties.size(); p-- > 0;) {
        minimize(fit, penalties[p], kCvTolerance, options.max_iterations, s);
        loss(j, p) = test.evaluate(s.theta, Want::kLoss).loss;
      }
    }
  });
  std::vector<double> mean(penalties.size(), 0.0);
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  for (std::size_t p = 0; p < penalties.size(); ++p)
    for (std::size_t j = 0; j < count; ++j) mean[p] += weight[j] / total * loss(j, p);
  return mean;
}

// The penalties in ascending order; `loss` of each as given in `options`. Equal losses: the larger penalty.
Result<double> choose_penalty(const Design& design, const Targets& targets, const TrainingRows& rows,
                              const LogisticOptions& options, std::vector<double>& loss) {
  const std::vector<double> given = options.penalty ? std::vector<double>{*options.penalty} : options.penalties;
  if (given.empty()) return fail(ErrorCode::kInvalidArgument, "logistic regression needs at least one penalty");
  for (const double p : given)
    if (!(std::isfinite(p) && p > 0))
      return fail(ErrorCode::kInvalidArgument, "a penalty must be positive and finite, found {}", p);
  if (!options.cluster.empty() && options.cluster.size() != design.x->rows())
    return fail(ErrorCode::kInvalidArgument, "expected a cluster for each of {} rows, found {}", design.x->rows(),
                options.cluster.size());
  if (given.size() == 1) return given[0];
  std::vector<std::size_t> order(given.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return given[a] < given[b]; });
  std::vector<double> ascending;
  for (const std::size_t p : order) ascending.push_back(given[p]);
  GIMBAL_TRY(const std::vector<double> mean, held_out_losses(design, targets, rows, ascending, options));
  std::size_t best = 0;
  loss.resize(given.size());
  for (std::size_t p = 0; p < mean.size(); ++p) {
    loss[order[p]] = mean[p];
    if (mean[p] <= mean[best]) best = p;
  }
  return ascending[best];
}

// Standard errors of the binary fit from H^-1 I H^-1 / n.
void add_standard_errors(const Design& design, const Problem& problem, const MatrixXd& theta, SoftmaxFit& out) {
  const Index width = problem.width();
  if (width == 0) return;
  MatrixXd information = problem.evaluate(theta, Want::kHessian).hessian;
  complete(information, width);
  MatrixXd hessian = information;
  add_penalty_hessian(out.penalty, design.intercept, width, hessian);
  const Eigen::LDLT<MatrixXd> factor(hessian);
  const MatrixXd half = factor.solve(information);
  const MatrixXd covariance = factor.solve(half.transpose()) / problem.count();
  const Index first = design.intercept ? 1 : 0;
  VectorXd at_zero = VectorXd::Zero(width);
  if (design.intercept) at_zero[0] = 1;
  for (std::size_t k = 0; k < design.columns.size(); ++k) {
    const Index at = first + static_cast<Index>(k);
    out.standard_errors[design.columns[k]] = std::sqrt(std::max(covariance(at, at), 0.0)) * design.inverse_sd[k];
    at_zero[at] = -design.mean[k] * design.inverse_sd[k];
  }
  if (design.intercept) out.intercept_se = std::sqrt(std::max(at_zero.dot(covariance * at_zero), 0.0));
}

}  // namespace

Result<SoftmaxFit> fit_softmax(const Matrix& x, const Targets& targets, const TrainingRows& rows,
                               const LogisticOptions& options) {
  const Design design = make_design(x, rows, options.intercept);
  const Problem problem(design, targets, rows);
  SoftmaxFit out;
  GIMBAL_TRY(out.penalty, choose_penalty(design, targets, rows, options, out.cv_log_loss));
  Solution s;
  s.theta = problem.start();
  minimize(problem, out.penalty, kTolerance, options.max_iterations, s);
  out.log_loss = problem.evaluate(s.theta, Want::kLoss).loss;
  out.iterations = s.iterations;
  out.converged = s.converged;

  const auto others = static_cast<std::size_t>(problem.others());
  const Index first = options.intercept ? 1 : 0;
  out.slopes = Matrix(others, x.cols());
  out.intercepts.assign(others, 0.0);
  for (std::size_t c = 0; c < others; ++c) {
    const auto at = static_cast<Index>(c);
    if (options.intercept) out.intercepts[c] = s.theta(0, at);
    for (std::size_t k = 0; k < design.columns.size(); ++k) {
      const double slope = s.theta(first + static_cast<Index>(k), at) * design.inverse_sd[k];
      out.slopes(c, design.columns[k]) = slope;
      out.intercepts[c] -= slope * design.mean[k];
    }
  }
  out.standard_errors.assign(x.cols(), kNaN);
  if (targets.classes == 2) add_standard_errors(design, problem, s.theta, out);
  return out;
}

}  // namespace gimbal::learn
