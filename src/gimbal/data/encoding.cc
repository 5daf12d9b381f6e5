// Both fit and apply look at a feature's cells through CellReader, which turns a cell of either kind of column into a number or
// a level once per distinct value where it can. apply first checks every feature on its own, then fills the matrix in bands of
// rows that stay in the cache.
#include "gimbal/data/encoding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "gimbal/base/check.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"

namespace gimbal::data {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool in_domain(Transform transform, double value) {
  if (transform == Transform::kLog) return value > 0;
  if (transform == Transform::kLog1p) return value > -1;
  return std::fabs(value) <= kLargestMagnitude;
}

double transformed(Transform transform, double value) {
  if (transform == Transform::kLog) return std::log(value);
  if (transform == Transform::kLog1p) return std::log1p(value);
  return value;
}

std::string domain_message(const FeatureSpec& spec, const std::string& cell) {
  if (spec.transform == Transform::kNone)
    return fmt::format("{} must lie within -1e70 and 1e70, found {}", spec.text(), gimbal::quoted(cell));
  return fmt::format("{} needs a value above {}, found {}", spec.text(), spec.transform == Transform::kLog ? "0" : "-1",
                     gimbal::quoted(cell));
}

// The rows that are fitted or encoded: all, or those of an index.
class RowSet {
 public:
  RowSet(const DataTable& table, const std::optional<std::span<const std::size_t>>& rows)
      : rows_(rows), size_(rows ? rows->size() : table.rows()) {
    if (rows) {
      for (const std::size_t row : *rows) GIMBAL_CHECK(row < table.rows(), "a row outside the table");
    }
  }
  std::size_t size() const { return size_; }
  std::size_t operator[](std::size_t i) const { return rows_ ? (*rows_)[i] : i; }

 private:
  std::optional<std::span<const std::size_t>> rows_;
  std::size_t size_;
};

// The numbers of a column of either kind: NaN where the cell is empty or no number.
class Numbers {
 public:
  explicit Numbers(const Column& column) : column_(column) {
    if (!column.is_numeric()) converted_ = numbers_or_nan(column);
  }
  double operator[](std::size_t row) const { return column_.is_numeric() ? column_.numbers[row] : converted_[row]; }

 private:
  const Column& column_;
  std::vector<double> converted_;
};

Result<const Column*> column_of(const DataTable& table, const FeatureSpec& spec) {
  auto column = require_column(table, spec.column, "");
  if (!column) {
    Error error = std::move(column).error();
    error.message = fmt::format("{} (the feature {})", error.message, gimbal::quoted(spec.text()));
    return fail(std::move(error));
  }
  return *column;
}

struct Fitting {
  const DataTable& table;
  const RowSet& rows;
  std::span<const double> weights;
  Diagnostics& diagnostics;
  double weight(std::size_t row) const { return weights.empty() ? 1.0 : weights[row]; }
};

// A column of text is numeric all the same when its training cells are: the text may stand in other rows.
bool is_numeric_in_training(const Column& column, const Numbers& numbers, const RowSet& rows) {
  if (column.is_numeric()) return true;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (std::isnan(numbers[rows[i]]) && !column.is_missing(rows[i])) return false;
  return true;
}

void fit_numbers(const Fitting& fitting, const Column& column, const Numbers& numbers, Encoding::Feature& feature) {
  const Transform transform = feature.spec.transform;
  NeumaierSum sum;
  NeumaierSum total;
  for (std::size_t i = 0; i < fitting.rows.size(); ++i) {
    const std::size_t row = fitting.rows[i];
    const double value = numbers[row];
    if (column.is_missing(row)) {
      feature.missing_seen = true;
    } else if (std::isnan(value)) {
      fitting.diagnostics.add(
          fitting.table.where(row, column),
          fmt::format("{} needs a finite number, found {}", feature.spec.text(), gimbal::quoted(column.text(row))));
    } else if (!in_domain(transform, value)) {
      fitting.diagnostics.add(fitting.table.where(row, column), domain_message(feature.spec, column.text(row)));
    } else {
      sum.add(fitting.weight(row) * transformed(transform, value));
      total.add(fitting.weight(row));
    }
  }
  feature.mean = total.value() > 0 ? sum.value() / total.value() : 0.0;
}

void fit_levels(const Fitting& fitting, const Column& column, Encoding::Feature& feature) {
  Categories cells = as_categories(column);
  std::vector<NeumaierSum> weight_of(cells.levels.size());
  std::vector<char> seen(cells.levels.size(), 0);
  NeumaierSum missing_weight;
  for (std::size_t i = 0; i < fitting.rows.size(); ++i) {
    const std::size_t row = fitting.rows[i];
    const std::int32_t code = cells.codes[row];
    if (code == Column::kMissing) {
      feature.missing_seen = true;
      missing_weight.add(fitting.weight(row));
    } else {
      seen[static_cast<std::size_t>(code)] = 1;
      weight_of[static_cast<std::size_t>(code)].add(fitting.weight(row));
    }
  }
  double most = -1;
  for (std::size_t code = 0; code < cells.levels.size(); ++code) {
    if (!seen[code]) continue;
    if (weight_of[code].value() > most) {
      most = weight_of[code].value();
      feature.reference = static_cast<int>(feature.levels.size());
    }
    feature.levels.push_back(std::move(cells.levels[code]));
  }
  if (feature.missing_seen && missing_weight.value() > most) feature.reference = static_cast<int>(feature.levels.size());
}

// The design columns of one feature: where they begin and what they are.
struct Block {
  std::size_t offset = 0;
  std::size_t width = 0;
};

std::vector<Block> blocks_of(const std::vector<Encoding::Feature>& features, Design design) {
  std::vector<Block> blocks;
  std::size_t offset = 0;
  for (const Encoding::Feature& feature : features) {
    std::size_t width;
    if (feature.categorical) {
      width = feature.levels.size() + feature.missing_seen;
      if (design == Design::kLinear && width > 0) --width;
    } else {
      width = 1 + (design == Design::kLinear && feature.missing_seen);
    }
    blocks.push_back({offset, width});
    offset += width;
  }
  return blocks;
}

// One feature met with one table, ready to fill rows.
struct Source {
  const Encoding::Feature* feature;
  const Column* column;
  Block block;
  Numbers numbers;                        // numeric
  std::vector<std::int32_t> codes;        // categorical, where the column is numeric
  std::vector<std::ptrdiff_t> column_of;  // categorical, per level: design column within the block; -1: all zeros
  std::ptrdiff_t column_of_missing = -1;  // categorical

  std::int32_t code(std::size_t row) const { return codes.empty() ? column->codes[row] : codes[row]; }
};

// Design column of level `index` (levels.size(): missing) within the block.
std::ptrdiff_t column_of_level(const Encoding::Feature& feature, Design design, std::size_t index) {
  const auto at = static_cast<std::ptrdiff_t>(index);
  if (design == Design::kTree) return at;
  if (at == feature.reference) return -1;
  return at > feature.reference ? at - 1 : at;
}

void check_levels(const DataTable& table, const RowSet& rows, const ApplyOptions& options, Source& source, Encoded& out,
                  Diagnostics& diagnostics) {
  const Encoding::Feature& feature = *source.feature;
  std::unordered_map<std::string_view, std::size_t> index_of;
  for (std::size_t i = 0; i < feature.levels.size(); ++i) index_of.emplace(feature.levels[i], i);
  if (feature.missing_seen) source.column_of_missing = column_of_level(feature, options.design, feature.levels.size());

  std::vector<std::string> converted;
  if (source.column->is_numeric()) {
    Categories cells = as_categories(*source.column);
    source.codes = std::move(cells.codes);
    converted = std::move(cells.levels);
  }
  const std::vector<std::string>& levels = source.column->is_numeric() ? converted : source.column->levels;
  std::vector<char> unknown(levels.size(), 0);
  for (std::size_t code = 0; code < levels.size(); ++code) {
    const auto found = index_of.find(levels[code]);
    unknown[code] = found == index_of.end();
    source.column_of.push_back(unknown[code] ? source.column_of_missing
                                             : column_of_level(feature, options.design, found->second));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t row = rows[i];
    const std::int32_t code = source.code(row);
    if (code == Column::kMissing ? feature.missing_seen : !unknown[static_cast<std::size_t>(code)]) continue;
    ++out.unknown_cells;
    if (options.unknown == UnknownCategory::kMissing) continue;
    diagnostics.add(table.where(row, *source.column),
                    fmt::format("{} {} does not occur in the training data{}", feature.spec.column,
                                gimbal::quoted(source.column->text(row)),
                                diagnostics.empty() ? "; --unknown-category missing treats it as missing" : ""));
  }
}

void check_numbers(const DataTable& table, const RowSet& rows, const ApplyOptions& options, const Source& source, Encoded& out,
                   Diagnostics& diagnostics) {
  const FeatureSpec& spec = source.feature->spec;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::size_t row = rows[i];
    const double value = source.numbers[row];
    if (std::isnan(value)) {
      if (source.column->is_missing(row)) continue;
      ++out.unknown_cells;
      if (options.unknown == UnknownCategory::kMissing) continue;
      diagnostics.add(
          table.where(row, *source.column),
          fmt::format("{} {} is not a number, as in the training data{}", spec.column, gimbal::quoted(source.column->text(row)),
                      diagnostics.empty() ? "; --unknown-category missing treats it as missing" : ""));
    } else if (!in_domain(spec.transform, value)) {
      diagnostics.add(table.where(row, *source.column), domain_message(spec, source.column->text(row)));
    }
  }
}

void fill(const Source& source, Design design, const RowSet& rows, std::size_t begin, std::size_t end, Matrix& x) {
  const Encoding::Feature& feature = *source.feature;
  if (source.block.width == 0) return;
  const std::size_t offset = source.block.offset;
  if (feature.categorical) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::int32_t code = source.code(rows[i]);
      const std::ptrdiff_t at =
          code == Column::kMissing ? source.column_of_missing : source.column_of[static_cast<std::size_t>(code)];
      if (at >= 0) x(i, offset + static_cast<std::size_t>(at)) = 1.0;
    }
    return;
  }
  const double missing = design == Design::kLinear ? feature.mean : kNan;
  const bool indicator = source.block.width == 2;
  for (std::size_t i = begin; i < end; ++i) {
    const double value = source.numbers[rows[i]];
    x(i, offset) = std::isnan(value) ? missing : transformed(feature.spec.transform, value);
    if (indicator) x(i, offset + 1) = std::isnan(value) ? 1.0 : 0.0;
  }
}

}  // namespace

Result<Encoding> Encoding::fit(const DataTable& table, std::span<const FeatureSpec> features, const FitOptions& options) {
  const RowSet rows(table, options.rows);
  GIMBAL_CHECK(options.weights.empty() || options.weights.size() == table.rows(), "weights are one a row of the table");
  if (rows.size() == 0) return fail(ErrorCode::kInsufficientData, "features cannot be encoded: there are no training rows");
  Diagnostics diagnostics;
  const Fitting fitting{table, rows, options.weights, diagnostics};
  Encoding encoding;
  for (const FeatureSpec& spec : features) {
    GIMBAL_TRY(const Column* column, column_of(table, spec));
    Feature feature;
    feature.spec = spec;
    if (spec.transform == Transform::kCategorical) {
      feature.categorical = true;
    } else {
      const Numbers numbers(*column);
      feature.categorical = spec.transform == Transform::kNone && !is_numeric_in_training(*column, numbers, rows);
      if (!feature.categorical) fit_numbers(fitting, *column, numbers, feature);
    }
    if (feature.categorical) fit_levels(fitting, *column, feature);
    encoding.features_.push_back(std::move(feature));
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kParseError));
  return encoding;
}

Result<Encoded> Encoding::apply(const DataTable& table, const ApplyOptions& options) const {
  const RowSet rows(table, options.rows);
  const std::vector<Block> blocks = blocks_of(features_, options.design);
  std::vector<Source> sources;
  Encoded out;
  Diagnostics diagnostics;
  static const Column kNoColumn;
  for (std::size_t f = 0; f < features_.size(); ++f) {
    const Feature& feature = features_[f];
    GIMBAL_TRY(const Column* column, column_of(table, feature.spec));
    sources.push_back({&feature, column, blocks[f], Numbers(feature.categorical ? kNoColumn : *column), {}, {}, -1});
    if (feature.categorical)
      check_levels(table, rows, options, sources.back(), out, diagnostics);
    else
      check_numbers(table, rows, options, sources.back(), out, diagnostics);
  }
  if (!diagnostics.empty()) return fail(diagnostics.to_error(ErrorCode::kParseError));

  const std::size_t width = blocks.empty() ? 0 : blocks.back().offset + blocks.back().width;
  out.x = Matrix(rows.size(), width);
  // A band of the matrix should stay in a core's second-level cache (256 KiB and more) while feature after feature is filled
  // in.
  const std::size_t band =
      std::max<std::size_t>(1, (std::size_t{1} << 17) / (sizeof(double) * std::max<std::size_t>(1, width)));
  parallel_for(rows.size(), band, [&](std::size_t begin, std::size_t end) {
    for (const Source& source : sources) fill(source, options.design, rows, begin, end, out.x);
  });
  return out;
}

std::vector<std::string> Encoding::design_names(Design design) const {
  std::vector<std::string> names;
  for (const Feature& feature : features_) {
    if (!feature.categorical) {
      names.push_back(feature.spec.text());
      if (design == Design::kLinear && feature.missing_seen) names.push_back(feature.spec.text() + " missing");
      continue;
    }
    for (std::size_t i = 0; i < feature.levels.size() + feature.missing_seen; ++i) {
      if (column_of_level(feature, design, i) < 0) continue;
      names.push_back(i == feature.levels.size() ? feature.spec.column + " missing"
                                                 : fmt::format("{}={}", feature.spec.column, feature.levels[i]));
    }
  }
  return names;
}

std::size_t Encoding::width(Design design) const {
  const std::vector<Block> blocks = blocks_of(features_, design);
  return blocks.empty() ? 0 : blocks.back().offset + blocks.back().width;
}

NameSet Encoding::text_columns() const {
  NameSet names;
  for (const Feature& feature : features_)
    if (feature.categorical) names.insert(feature.spec.column);
  return names;
}

NameSet Encoding::columns() const {
  NameSet names;
  for (const Feature& feature : features_) names.insert(feature.spec.column);
  return names;
}

}  // namespace gimbal::data
