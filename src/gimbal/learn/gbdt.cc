#include "gimbal/learn/gbdt.h"

#ifdef GIMBAL_HAVE_XGBOOST
#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>

#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/learn/cross_validation.h"
#include "gimbal/learn/training_rows.h"
#include "gimbal/learn/xgboost_library.h"
#endif

namespace gimbal::learn {

#ifndef GIMBAL_HAVE_XGBOOST

namespace {
tl::unexpected<Error> not_built() {
  return fail(ErrorCode::kUnavailable,
              "this build has no gradient-boosted trees: install the package libxgboost-dev and build again");
}
}  // namespace

struct Gbdt::State {};
bool gbdt_available() { return false; }
std::string gbdt_library_version() { return ""; }
Result<Gbdt> Gbdt::train(const GbdtData&, const GbdtOptions&) { return not_built(); }
Result<Gbdt> Gbdt::load_from_bytes(std::string_view) { return not_built(); }
Result<std::string> Gbdt::save_to_bytes() const { return not_built(); }
Result<Matrix> Gbdt::predict(const Matrix&) const { return not_built(); }
int Gbdt::rounds() const { return 0; }
int Gbdt::outputs() const { return 0; }
std::size_t Gbdt::features() const { return 0; }

#else

namespace {

// XGBoost's matrix of single-precision features with labels and weights. Not movable: the handle has one owner.
class DataMatrix {
 public:
  DataMatrix() = default;
  DataMatrix(const DataMatrix&) = delete;
  DataMatrix& operator=(const DataMatrix&) = delete;
  ~DataMatrix() {
    if (handle_) xgboost().matrix_free(handle_);
  }

  // Rows `rows` of x, in that order.
  Result<void> fill(const Matrix& x, std::span<const std::size_t> rows) {
    std::vector<float> values(rows.size() * x.cols());
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::size_t k = 0; k < x.cols(); ++k) values[r * x.cols() + k] = static_cast<float>(x(rows[r], k));
    return check_xgboost(
        xgboost().matrix_create(values.data(), rows.size(), x.cols(), std::numeric_limits<float>::quiet_NaN(), &handle_, 1),
        "take the data");
  }
  Result<void> set(const char* field, const std::vector<float>& values) {
    return check_xgboost(xgboost().matrix_set(handle_, field, values.data(), values.size()), "take labels and weights");
  }
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

}  // namespace

bool gbdt_available() { return xgboost().problem.empty(); }

std::string gbdt_library_version() {
  if (!gbdt_available()) return "";
  int major = 0, minor = 0, patch = 0;
  xgboost().version(&major, &minor, &patch);
  return fmt::format("{}.{}.{}", major, minor, patch);
}

struct Gbdt::State {
  BoosterHandle booster = nullptr;
  std::size_t features = 0;
  int outputs = 1;
  int rounds = 0;
  std::mutex turn;

  ~State() {
    if (booster) xgboost().free(booster);
  }

  Result<void> set(const char* name, const std::string& value) {
    return check_xgboost(xgboost().set_param(booster, name, value.c_str()), "set a parameter");
  }

  struct Raw {
    std::span<const float> values;  // n x outputs; the buffer belongs to XGBoost and lives until the next call
    int outputs = 1;
  };
  Result<Raw> raw_predictions(const DataMatrix& data) {
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    const float* values = nullptr;
    const char* config = R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true})";
    GIMBAL_TRY(check_xgboost(xgboost().predict(booster, data.handle(), config, &shape, &dimensions, &values), "predict"));
    std::size_t size = 1;
    for (bst_ulong k = 0; k < dimensions; ++k) size *= shape[k];
    return Raw{{values, size}, dimensions > 1 ? static_cast<int>(shape[1]) : 1};
  }

  // What cannot be read from the model's header: rounds, features, and outputs by predicting one row.
  Result<void> inspect() {
    bst_ulong count = 0;
    GIMBAL_TRY(check_xgboost(xgboost().features(booster, &count), "count the features"));
    features = count;
    GIMBAL_TRY(check_xgboost(xgboost().rounds(booster, &rounds), "count the rounds"));
    const Matrix probe(1, features);
    const std::size_t row = 0;
    DataMatrix data;
    GIMBAL_TRY(data.fill(probe, {&row, 1}));
    GIMBAL_TRY(const Raw raw, raw_predictions(data));
    outputs = raw.outputs;
    return {};
  }
};

namespace {

struct Training {
  const GbdtData& data;
  const GbdtOptions& options;
  TrainingRows rows;  // all of positive weight
};

Result<Training> check_training(const GbdtData& data, const GbdtOptions& options) {
  if (data.x.cols() == 0) return fail(ErrorCode::kInvalidArgument, "gradient-boosted trees need at least one feature");
  if (options.max_rounds < 1 || options.patience < 0 || options.max_depth < 1 || options.max_bin < 2 || !(options.eta > 0))
    return fail(ErrorCode::kInvalidArgument,
                "expected max_rounds >= 1, patience >= 0, max_depth >= 1, max_bin >= 2 and eta > 0");
  GIMBAL_TRY(TrainingRows rows, training_rows(data.x, data.y, data.weight, data.rows, 10, Missing::kAllowed));
  if (!options.cluster.empty() && options.cluster.size() != data.x.rows())
    return fail(ErrorCode::kInvalidArgument, "expected a cluster for each of {} rows, found {}", data.x.rows(),
                options.cluster.size());
  Training out{data, options, {}};
  out.rows.positive = rows.positive;
  for (std::size_t r = 0; r < rows.index.size(); ++r) {
    if (rows.weight[r] <= 0) continue;
    const std::size_t i = rows.index[r];
    const double y = data.y[i];
    if (options.objective == GbdtObjective::kLogistic && !(y >= 0 && y <= 1))
      return fail(ErrorCode::kInvalidArgument, "outcome of row {} must lie between 0 and 1, found {}", i, y);
    if (options.objective == GbdtObjective::kSoftprob && (y != std::floor(y) || y < 0 || y >= options.classes))
      return fail(ErrorCode::kInvalidArgument, "class of row {} must be an integer in 0..{}, found {}", i, options.classes - 1,
                  y);
    if (!std::isfinite(static_cast<float>(y)))
      return fail(ErrorCode::kInvalidArgument, "outcome of row {}, {}, is too large for single precision", i, y);
    out.rows.index.push_back(i);
    out.rows.weight.push_back(rows.weight[r]);
  }
  return out;
}

Result<void> fill(DataMatrix& matrix, const Training& training, std::span<const std::size_t> places) {
  std::vector<std::size_t> rows(places.size());
  std::vector<float> label(places.size()), weight(places.size());
  for (std::size_t k = 0; k < places.size(); ++k) {
    rows[k] = training.rows.index[places[k]];
    label[k] = static_cast<float>(training.data.y[rows[k]]);
    weight[k] = static_cast<float>(training.rows.weight[places[k]]);
  }
  GIMBAL_TRY(matrix.fill(training.data.x, rows));
  GIMBAL_TRY(matrix.set("label", label));
  return matrix.set("weight", weight);
}

// The score that boosting starts from. Given explicitly, because releases differ in what they estimate by themselves.
double base_score(const Training& training, std::span<const std::size_t> places) {
  if (training.options.objective == GbdtObjective::kSoftprob) return 0.5;
  double sum = 0, total = 0;
  for (const std::size_t r : places) {
    sum += training.rows.weight[r] * training.data.y[training.rows.index[r]];
    total += training.rows.weight[r];
  }
  const double mean = sum / total;
  return training.options.objective == GbdtObjective::kLogistic ? std::clamp(mean, 1e-6, 1 - 1e-6) : mean;
}

// `State` is a member type of Gbdt; the helper takes it as a template so that it can stay private.
template <typename State>
Result<void> configure(State& state, const Training& training, std::span<const std::size_t> places) {
  const GbdtOptions& o = training.options;
  const char* objective = o.objective == GbdtObjective::kSquaredError ? "reg:squarederror"
                          : o.objective == GbdtObjective::kLogistic   ? "binary:logistic"
                                                                      : "multi:softprob";
  GIMBAL_TRY(state.set("verbosity", "0"));
  GIMBAL_TRY(state.set("nthread", "1"));
  GIMBAL_TRY(state.set("objective", objective));
  if (o.objective == GbdtObjective::kSoftprob) GIMBAL_TRY(state.set("num_class", std::to_string(o.classes)));
  GIMBAL_TRY(state.set("base_score", shortest(static_cast<float>(base_score(training, places)))));
  GIMBAL_TRY(state.set("tree_method", "hist"));
  GIMBAL_TRY(state.set("max_bin", std::to_string(o.max_bin)));
  GIMBAL_TRY(state.set("eta", shortest(o.eta)));
  GIMBAL_TRY(state.set("max_depth", std::to_string(o.max_depth)));
  GIMBAL_TRY(state.set("min_child_weight", shortest(o.min_child_weight)));
  GIMBAL_TRY(state.set("lambda", shortest(o.lambda)));
  GIMBAL_TRY(state.set("subsample", "1"));
  GIMBAL_TRY(state.set("colsample_bytree", "1"));
  return state.set("seed", "0");
}

// Weighted mean loss of the predictions for the hold-out: squared error or log loss.
double mean_loss(const Training& training, std::span<const std::size_t> places, std::span<const float> predictions,
                 int outputs) {
  double sum = 0, total = 0;
  for (std::size_t k = 0; k < places.size(); ++k) {
    const double y = training.data.y[training.rows.index[places[k]]], w = training.rows.weight[places[k]];
    double loss = 0;
    if (training.options.objective == GbdtObjective::kSoftprob) {
      const float p = predictions[k * static_cast<std::size_t>(outputs) + static_cast<std::size_t>(y)];
      loss = unit_loss(Loss::kLog, 1, p);
    } else {
      loss = unit_loss(training.options.objective == GbdtObjective::kLogistic ? Loss::kLog : Loss::kSquared, y, predictions[k]);
    }
    sum += w * loss;
    total += w;
  }
  return sum / total;
}

struct HoldOut {
  std::vector<std::size_t> training, held_out;  // places in the training rows
};

// nullopt when the data are too few to spare a fifth.
std::optional<HoldOut> hold_out(const Training& training) {
  const std::size_t n = training.rows.index.size();
  if (training.options.patience == 0 || n < 50) return std::nullopt;
  std::vector<int> stratum;
  std::vector<std::int64_t> cluster;
  for (const std::size_t i : training.rows.index) {
    if (training.options.objective != GbdtObjective::kSquaredError)
      stratum.push_back(static_cast<int>(std::lround(training.data.y[i])));
    if (!training.options.cluster.empty()) cluster.push_back(training.options.cluster[i]);
  }
  const Result<Folds> folds = keyed_folds(training.options.stream, n, 5, {stratum, cluster});
  if (!folds) return std::nullopt;
  return HoldOut{folds->training(0), folds->held_out(0)};
}

// Rounds used where there is no hold-out to stop by.
constexpr int kRoundsWithoutHoldOut = 30;

}  // namespace

Result<Gbdt> Gbdt::train(const GbdtData& data, const GbdtOptions& options) {
  GIMBAL_TRY(require_xgboost());
  GIMBAL_TRY(const Training training, check_training(data, options));
  int rounds = options.patience == 0 ? options.max_rounds : std::min(options.max_rounds, kRoundsWithoutHoldOut);
  if (const std::optional<HoldOut> split = hold_out(training)) {
    DataMatrix fit, held;
    GIMBAL_TRY(fill(fit, training, split->training));
    GIMBAL_TRY(fill(held, training, split->held_out));
    State state;
    // Both matrices are named here so that the booster keeps their predictions and only adds each new tree.
    const DMatrixHandle known[] = {fit.handle(), held.handle()};
    GIMBAL_TRY(check_xgboost(xgboost().create(known, 2, &state.booster), "make a booster"));
    GIMBAL_TRY(configure(state, training, split->training));
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < options.max_rounds && (round == 0 || round - rounds < options.patience); ++round) {
      GIMBAL_TRY(check_xgboost(xgboost().update(state.booster, round, fit.handle()), "boost"));
      GIMBAL_TRY(const State::Raw raw, state.raw_predictions(held));
      const double loss = mean_loss(training, split->held_out, raw.values, raw.outputs);
      if (round == 0 || loss < best) {
        best = loss;
        rounds = round + 1;
      }
    }
  }
  std::vector<std::size_t> all(training.rows.index.size());
  for (std::size_t r = 0; r < all.size(); ++r) all[r] = r;
  DataMatrix fit;
  GIMBAL_TRY(fill(fit, training, all));
  auto state = std::make_unique<State>();
  const DMatrixHandle known[] = {fit.handle()};
  GIMBAL_TRY(check_xgboost(xgboost().create(known, 1, &state->booster), "make a booster"));
  GIMBAL_TRY(configure(*state, training, all));
  for (int round = 0; round < rounds; ++round)
    GIMBAL_TRY(check_xgboost(xgboost().update(state->booster, round, fit.handle()), "boost"));
  GIMBAL_TRY(state->inspect());
  return Gbdt(std::move(state));
}

namespace {

// XGBoost reads its own format without looking where the bytes end, so damaged bytes must not reach it: hash64 of the model
// stands behind it (XGBoost itself stops before). 8 bytes, little-endian.
constexpr std::size_t kChecksum = 8;

void append_checksum(std::string& bytes) {
  const std::uint64_t hash = hash64(bytes);
  for (std::size_t k = 0; k < kChecksum; ++k) bytes.push_back(static_cast<char>(hash >> (8 * k) & 0xff));
}

Result<std::string_view> without_checksum(std::string_view bytes) {
  const std::string_view model = bytes.substr(0, bytes.size() - std::min(bytes.size(), kChecksum));
  std::string expected(model);
  append_checksum(expected);
  if (model.empty() || expected != bytes)
    return fail(ErrorCode::kCorrupted, "these {} bytes are not a model of gradient-boosted trees, or they are damaged",
                bytes.size());
  return model;
}

}  // namespace

Result<std::string> Gbdt::save_to_bytes() const {
  const std::lock_guard lock(state_->turn);
  bst_ulong size = 0;
  const char* bytes = nullptr;
  GIMBAL_TRY(check_xgboost(xgboost().save(state_->booster, R"({"format":"ubj"})", &size, &bytes), "save the model"));
  std::string out(bytes, size);
  append_checksum(out);
  return out;
}

Result<Gbdt> Gbdt::load_from_bytes(std::string_view bytes) {
  GIMBAL_TRY(require_xgboost());
  GIMBAL_TRY(const std::string_view model, without_checksum(bytes));
  auto state = std::make_unique<State>();
  GIMBAL_TRY(check_xgboost(xgboost().create(nullptr, 0, &state->booster), "make a booster"));
  GIMBAL_TRY(state->set("verbosity", "0"));
  GIMBAL_TRY(state->set("nthread", "1"));
  Result<void> loaded = check_xgboost(xgboost().load(state->booster, model.data(), model.size()), "read the model");
  if (loaded) loaded = state->inspect();
  if (!loaded)
    return fail(ErrorCode::kCorrupted, "this is not a model of gradient-boosted trees that XGBoost {} reads: {}",
                gbdt_library_version(), loaded.error().message);
  // Not part of the saved model: the number of threads is set for predictions too.
  GIMBAL_TRY(state->set("nthread", "1"));
  return Gbdt(std::move(state));
}

Result<Matrix> Gbdt::predict(const Matrix& x) const {
  if (x.cols() != state_->features)
    return fail(ErrorCode::kInvalidArgument, "the model was trained on {} features, found {}", state_->features, x.cols());
  const std::lock_guard lock(state_->turn);
  Matrix out(x.rows(), static_cast<std::size_t>(state_->outputs));
  // In parts, so that the single-precision copy stays small.
  constexpr std::size_t kPart = 1 << 16;
  std::vector<std::size_t> rows;
  for (std::size_t begin = 0; begin < x.rows(); begin += kPart) {
    rows.resize(std::min(kPart, x.rows() - begin));
    for (std::size_t k = 0; k < rows.size(); ++k) rows[k] = begin + k;
    DataMatrix data;
    GIMBAL_TRY(data.fill(x, rows));
    GIMBAL_TRY(const State::Raw raw, state_->raw_predictions(data));
    GIMBAL_CHECK(raw.values.size() == rows.size() * out.cols(), "XGBoost predicts every output of every row");
    std::copy(raw.values.begin(), raw.values.end(), out.values().begin() + static_cast<std::ptrdiff_t>(begin * out.cols()));
  }
  return out;
}

int Gbdt::rounds() const { return state_->rounds; }
int Gbdt::outputs() const { return state_->outputs; }
std::size_t Gbdt::features() const { return state_->features; }

#endif

Gbdt::Gbdt(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gbdt::Gbdt(Gbdt&&) noexcept = default;
Gbdt& Gbdt::operator=(Gbdt&&) noexcept = default;
Gbdt::~Gbdt() = default;

}  // namespace gimbal::learn
