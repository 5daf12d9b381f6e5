// From a table's columns to the design matrix of a model, fitted on training rows and applied by column name to any table.
//
// A numeric feature (every non-empty training cell is a finite number) stores the training mean; a categorical one stores the
// training levels and which is most frequent. Two designs come from the same fit:
//   linear: a number, missing -> training mean, plus an indicator column "x missing" if missing occurred in training;
//           one column a level except the most frequent one ("zip=Rural"), missing being a level of its own if it occurred.
//   tree:   a number, missing -> NaN; one column for every level, missing being a level if it occurred.
// Policy models, program learners and treatment designs store the encoding inside their model files.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/matrix.h"
#include "gimbal/base/result.h"
#include "gimbal/data/csv.h"
#include "gimbal/data/table.h"

namespace gimbal::data {

enum class Transform { kNone, kLog, kLog1p, kCategorical };

struct FeatureSpec {
  std::string column;
  Transform transform = Transform::kNone;
  std::string text() const;  // "history", "log(history)", "cat(zip3)"
  bool operator==(const FeatureSpec&) const = default;
};

// Reads items of --features (already split at commas): a column name, log(name) (natural log, values > 0), log1p(name) (values
// > -1), cat(name). A name that itself looks like log(...) is taken as a transformation unless `known` holds it literally.
// Errors: usage for an empty name, an unknown function, the same feature twice; not_found (with `flag` as where) when `known`
// is not empty and lacks the column.
Result<std::vector<FeatureSpec>> parse_features(std::span<const std::string> items, std::span<const std::string> known = {},
                                                std::string_view flag = "--features");
// Every loaded column except `excluded`, in file order.
std::vector<FeatureSpec> features_except(const DataTable& table, const NameSet& excluded);
// The columns that read_table must keep as text for these features: those of cat(...).
NameSet text_columns(std::span<const FeatureSpec> features);

enum class Design { kLinear, kTree };
enum class UnknownCategory { kError, kMissing };  // --unknown-category error|missing

struct FitOptions {
  std::optional<std::span<const std::size_t>> rows = {};  // training rows; nullopt: all rows of the table
  std::span<const double> weights = {};                   // one a table row, >= 0, for means and frequencies; empty: 1
};

struct ApplyOptions {
  Design design = Design::kLinear;
  UnknownCategory unknown = UnknownCategory::kError;
  std::optional<std::span<const std::size_t>> rows = {};  // the rows to encode, in this order; nullopt: all
};

struct Encoded {
  Matrix x;                       // rows x design_names(design).size(); linear: finite; tree: NaN where a number is missing
  std::size_t unknown_cells = 0;  // cells treated as missing because training had not seen their level
};

class Encoding {
 public:
  // Errors: not_found (a column that the table lacks), parse_error (up to 20 cells outside the domain of log or log1p,
  // "data.csv:17:2: log(history) needs a value above 0, found \"0\""; a cell that is not a number under log; a number beyond
  // kLargestMagnitude),
  // insufficient_data (no rows). O(rows x features).
  static Result<Encoding> fit(const DataTable& table, std::span<const FeatureSpec> features, const FitOptions& options = {});

  // Errors: not_found when the table lacks a column (by name; order does not matter), parse_error as in fit, and, with
  // UnknownCategory::kError, parse_error that lists up to 20 cells whose level training has not seen:
  //   new.csv:5:3: zip_code "Lunar" does not occur in the training data; --unknown-category missing treats it as missing
  // The same holds for an empty cell of a categorical feature without missing cells in training, and for text in a numeric one.
  // With kMissing such a cell is a missing cell; where training had none, it is the most frequent level (linear) or all zeros
  // (tree). A missing number without missing numbers in training is the training mean (linear) or NaN (tree).
  // Inside cross-fitting use kMissing for the held-out part: a level may be absent from the training part of one fold.
  // Runs on the pool; the result does not depend on the number of threads.
  Result<Encoded> apply(const DataTable& table, const ApplyOptions& options = {}) const;

  std::vector<std::string> design_names(Design design) const;
  std::size_t width(Design design) const;  // of the matrix that apply makes

  struct Feature {
    FeatureSpec spec;
    bool categorical = false;
    bool missing_seen = false;        // in training
    double mean = 0;                  // numeric: weighted training mean after the transformation; 0 when all were missing
    std::vector<std::string> levels;  // categorical: non-empty training levels in the table's order
    int reference = -1;  // index of the most frequent level (ties: the earlier); levels.size(): missing; -1: no level
    bool operator==(const Feature&) const = default;
  };
  const std::vector<Feature>& features() const { return features_; }
  // Columns that read_table must keep as text before apply: the categorical ones. And all columns that apply needs.
  NameSet text_columns() const;
  NameSet columns() const;

  // One JSON object {"features":[...]}; read(write(x)) == x bit for bit.
  void write(JsonWriter& json) const;
  static Result<Encoding> read(const JsonView& json);
  bool operator==(const Encoding&) const = default;

 private:
  std::vector<Feature> features_;
};

}  // namespace gimbal::data
