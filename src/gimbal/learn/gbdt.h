// Gradient-boosted trees: XGBoost through its C API, for users who trust that model, with native missing values (NaN).
//
// The library is loaded when it is first needed, so a program that does not boost pays nothing for it. Each booster trains and
// predicts with one thread; callers run boosters in parallel. Results are then the same for any number of threads. The number
// of rounds comes from early stopping on a fixed inner hold-out; the model is then refitted on all rows with that number.
// XGBoost works in single precision: predictions carry about 7 digits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/matrix.h"
#include "gimbal/base/random.h"
#include "gimbal/base/result.h"

namespace gimbal::learn {

// Whether this build knows XGBoost and the library can be loaded. Loads it on the first call.
bool gbdt_available();
// As text, for reports ("1.7.4"); empty when it is not available.
std::string gbdt_library_version();

enum class GbdtObjective {
  kSquaredError,  // y any finite number; predicts E[y]
  kLogistic,      // y in [0, 1]; predicts P(y = 1)
  kSoftprob,      // y a class 0..classes-1; predicts a probability for each class
};

struct GbdtOptions {
  GbdtObjective objective = GbdtObjective::kSquaredError;
  int classes = 2;  // kSoftprob only
  int max_rounds = 500;
  int patience = 30;  // stop after this many rounds without progress on the hold-out; 0: max_rounds rounds, no hold-out
  int max_bin = 256;
  int max_depth = 4;
  double eta = 0.1;
  double min_child_weight = 10;
  double lambda = 1;
  Stream stream{0, "learn.gbdt"};  // keys the hold-out: a fifth of the rows (stratified by class) or of the clusters
  std::span<const std::int64_t> cluster = {};  // n, or empty: clusters are not split between training and hold-out
};

struct GbdtData {
  const Matrix& x;                                        // n x d; NaN is missing, infinities are refused
  std::span<const double> y;                              // n
  std::span<const double> weight = {};                    // n, >= 0; empty: 1 each
  std::optional<std::span<const std::size_t>> rows = {};  // the rows to train on; absent: all
};

// A trained model. Movable; const methods may be called from several threads (calls on one object take turns).
class Gbdt {
 public:
  // Errors: unavailable, naming the package libxgboost-dev, when XGBoost is not there; invalid_argument on sizes, labels or
  // weights; insufficient_data with fewer than 10 rows. Fewer than 50 rows (or 5 clusters): no hold-out, 30 rounds.
  static Result<Gbdt> train(const GbdtData& data, const GbdtOptions& options);

  // XGBoost's own model format (UBJSON), readable by any XGBoost from 1.6 on, and 8 bytes of checksum behind it.
  Result<std::string> save_to_bytes() const;
  // Errors: corrupted when the bytes are not what save_to_bytes gave; unavailable.
  static Result<Gbdt> load_from_bytes(std::string_view bytes);

  // n x 1, or n x classes for kSoftprob. Errors: invalid_argument when x has another number of columns than the training data.
  Result<Matrix> predict(const Matrix& x) const;

  int rounds() const;
  int outputs() const;           // 1, or the number of classes
  std::size_t features() const;  // columns of x
  Gbdt(Gbdt&&) noexcept;
  Gbdt& operator=(Gbdt&&) noexcept;
  ~Gbdt();

 private:
  struct State;
  explicit Gbdt(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gimbal::learn
