// Whom the policy gives what: mean probabilities along each feature.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/policy/charts.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/stats/descriptive.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kBins = 10;
constexpr std::size_t kMaxLevels = 9;          // text levels shown by name; the others are "other"
constexpr std::size_t kQuantileRows = 50'000;  // rows from which bin edges are taken: error of a decile below 0.2 %
constexpr std::size_t kMaxArmsShown = 6;       // a heat map has a column or a group of rows for each
constexpr std::size_t kLabelBytes = 40;
constexpr int kValueDigits = 3;

double weight_of(const PolicyOnUnits& input, std::size_t i) { return input.weight.empty() ? 1.0 : input.weight[i]; }

// Which bin each row belongs to, and what the bins are called.
struct Binning {
  bool deciles = false;
  std::vector<std::string> names;
  std::vector<std::int32_t> bin_of;
};

// The distinct values in ascending order, or nothing when there are more than `most`.
std::vector<double> few_values(const std::vector<double>& numbers, std::size_t most) {
  std::set<double> found;
  for (const double x : numbers) {
    if (std::isnan(x)) continue;
    found.insert(x);
    if (found.size() > most) return {};
  }
  return {found.begin(), found.end()};
}

// Upper ends of bins of like size; values that are tied share one.
std::vector<double> decile_ends(const std::vector<double>& numbers) {
  const std::size_t step = std::max<std::size_t>(1, numbers.size() / kQuantileRows);
  std::vector<double> sample;
  double highest = -kInfinity;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (std::isnan(numbers[i])) continue;
    highest = std::max(highest, numbers[i]);
    if (i % step == 0) sample.push_back(numbers[i]);
  }
  if (sample.empty()) return {};
  std::sort(sample.begin(), sample.end());
  std::vector<double> ends;
  for (std::size_t k = 1; k < kBins; ++k) {
    const double end = stats::quantile_sorted(sample, static_cast<double>(k) / kBins);
    if ((ends.empty() || end > ends.back()) && end < highest) ends.push_back(end);
  }
  ends.push_back(highest);
  return ends;
}

Binning bin_numbers(const std::vector<double>& numbers) {
  Binning out;
  std::vector<double> ends = few_values(numbers, kBins);
  const bool values = !ends.empty();
  if (!values) ends = decile_ends(numbers);
  out.deciles = !values && !ends.empty();
  out.bin_of.resize(numbers.size());
  std::vector<double> lo(ends.size(), kInfinity), hi(ends.size(), -kInfinity);
  bool missing = false;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (std::isnan(numbers[i])) {
      missing = true;
      out.bin_of[i] = static_cast<std::int32_t>(ends.size());
      continue;
    }
    const auto bin = static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), numbers[i]) - ends.begin());
    out.bin_of[i] = static_cast<std::int32_t>(bin);
    lo[bin] = std::min(lo[bin], numbers[i]);
    hi[bin] = std::max(hi[bin], numbers[i]);
  }
  for (std::size_t k = 0; k < ends.size(); ++k) {
    const std::string from = format_significant(lo[k], kValueDigits), to = format_significant(hi[k], kValueDigits);
    out.names.push_back(from == to ? from : from + " to " + to);
  }
  if (missing) out.names.emplace_back("missing");
  return out;
}

Binning bin_levels(const PolicyOnUnits& input, const data::Column& column) {
  const data::Categories categories = data::as_categories(column);
  std::vector<double> size(categories.levels.size(), 0.0);
  for (std::size_t i = 0; i < categories.codes.size(); ++i) {
    if (categories.codes[i] != data::Column::kMissing)
      size[static_cast<std::size_t>(categories.codes[i])] += weight_of(input, i);
  }
  std::vector<std::size_t> order(size.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size[a] > size[b]; });
  const bool others = order.size() > kMaxLevels + 1;
  const std::size_t named = others ? kMaxLevels : order.size();
  Binning out;
  std::vector<std::int32_t> bin_of_level(size.size(), static_cast<std::int32_t>(named));
  for (std::size_t k = 0; k < named; ++k) {
    bin_of_level[order[k]] = static_cast<std::int32_t>(k);
    out.names.push_back(shortened(categories.levels[order[k]], kLabelBytes));
  }
  if (others) out.names.push_back(fmt::format("{} others", order.size() - named));
  const auto missing_bin = static_cast<std::int32_t>(out.names.size());
  bool missing = false;
  for (const std::int32_t code : categories.codes) {
    missing = missing || code == data::Column::kMissing;
    out.bin_of.push_back(code == data::Column::kMissing ? missing_bin : bin_of_level[static_cast<std::size_t>(code)]);
  }
  if (missing) out.names.emplace_back("missing");
  return out;
}

FeatureProfile profile_of(const PolicyOnUnits& input, const data::Column& column) {
  Binning binning = column.is_numeric() ? bin_numbers(column.numbers) : bin_levels(input, column);
  const std::size_t bins = binning.names.size(), arms = input.pi->cols();
  FeatureProfile out;
  out.feature = column.name;
  out.deciles = binning.deciles;
  out.bins = std::move(binning.names);
  out.share.assign(bins, 0.0);
  out.policy = Matrix(bins, arms);
  if (input.b) out.baseline = Matrix(bins, arms);
  double total = 0;
  for (std::size_t i = 0; i < binning.bin_of.size(); ++i) {
    const auto bin = static_cast<std::size_t>(binning.bin_of[i]);
    const double weight = weight_of(input, i);
    out.share[bin] += weight;
    total += weight;
    for (std::size_t a = 0; a < arms; ++a) {
      out.policy(bin, a) += weight * (*input.pi)(i, a);
      if (input.b) out.baseline(bin, a) += weight * (*input.b)(i, a);
    }
  }
  for (std::size_t a = 0; a < arms; ++a) {
    double mean = 0;
    for (std::size_t k = 0; k < bins; ++k) {
      if (!(out.share[k] > 0)) continue;
      mean += out.policy(k, a) - (input.b ? out.baseline(k, a) : 0.0);
    }
    mean /= total;
    for (std::size_t k = 0; k < bins; ++k) {
      if (!(out.share[k] > 0)) continue;
      out.policy(k, a) /= out.share[k];
      if (input.b) out.baseline(k, a) /= out.share[k];
      const double off = out.policy(k, a) - (input.b ? out.baseline(k, a) : 0.0) - mean;
      out.variation += out.share[k] / total * off * off;
    }
  }
  for (double& share : out.share) share /= total;
  return out;
}

// The arms that a map shows: with two arms the second says it all.
std::vector<std::size_t> arms_shown(std::span<const FeatureProfile> profiles, std::size_t arms) {
  if (arms == 2) return {1};
  std::vector<std::size_t> order(arms);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (arms <= kMaxArmsShown || profiles.empty()) return order;
  std::vector<double> share(arms, 0.0);
  for (std::size_t k = 0; k < profiles[0].bins.size(); ++k) {
    for (std::size_t a = 0; a < arms; ++a) share[a] += profiles[0].share[k] * profiles[0].policy(k, a);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return share[a] > share[b]; });
  order.resize(kMaxArmsShown);
  std::sort(order.begin(), order.end());
  return order;
}

run::ReportTable profile_numbers(std::span<const FeatureProfile* const> profiles, const std::vector<std::string>& arms,
                                 std::span<const std::size_t> shown) {
  run::ReportTable table;
  table.columns = {
      {"feature", "", run::Align::kLeft}, {"values", "", run::Align::kLeft}, {"share of units", "", run::Align::kRight}};
  for (const std::size_t a : shown) {
    table.columns.push_back({arms[a], "new", run::Align::kRight});
    if (!profiles.empty() && !profiles[0]->baseline.empty()) table.columns.push_back({arms[a], "old", run::Align::kRight});
  }
  for (const FeatureProfile* profile : profiles) {
    for (std::size_t k = 0; k < profile->bins.size() && table.rows.size() < run::kMaxTableRows; ++k) {
      std::vector<std::string> row = {k == 0 ? profile->feature : "", profile->bins[k], percent_words(profile->share[k])};
      for (const std::size_t a : shown) {
        row.push_back(percent_words(profile->policy(k, a)));
        if (!profile->baseline.empty()) row.push_back(percent_words(profile->baseline(k, a)));
      }
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

// The bin that holds the middle of each tenth of the units; missing values stand apart and count for none.
std::vector<std::size_t> bins_of_tenths(const FeatureProfile& profile) {
  const std::size_t ordered = profile.bins.size() - (profile.bins.back() == "missing" ? 1 : 0);
  double known = 0;
  for (std::size_t k = 0; k < ordered; ++k) known += profile.share[k];
  std::vector<std::size_t> out;
  double below = profile.share[0];
  std::size_t bin = 0;
  for (std::size_t j = 0; j < kBins; ++j) {
    const double middle = known * (static_cast<double>(j) + 0.5) / kBins;
    while (bin + 1 < ordered && below < middle) below += profile.share[++bin];
    out.push_back(bin);
  }
  return out;
}

std::string span_of(const FeatureProfile& profile) {
  const std::size_t ordered = profile.bins.size() - (profile.bins.back() == "missing" ? 1 : 0);
  const std::string& first = profile.bins.front();
  const std::string& last = profile.bins[ordered - 1];
  const std::size_t from = first.find(" to "), to = last.rfind(" to ");
  return first.substr(0, from) + " to " + (to == std::string::npos ? last : last.substr(to + 4));
}

run::HeatMap probability_map(const std::string& title, const std::string& subtitle) {
  run::HeatMap map;
  map.title = title;
  map.subtitle = subtitle;
  map.value_title = "mean probability under the new policy";
  map.percent = true;
  map.min = 0;
  map.max = 1;
  return map;
}

std::string which_arms(const std::vector<std::string>& arms, std::span<const std::size_t> shown) {
  if (shown.size() == 1) return fmt::format("Probability of “{}” in per cent.", shortened(arms[shown[0]], kLabelBytes));
  if (shown.size() < arms.size())
    return fmt::format("Probability of each arm in per cent; the {} arms of {} that are given most.", shown.size(),
                       arms.size());
  return "Probability of each arm in per cent.";
}

run::Chart decile_map(std::span<const FeatureProfile* const> profiles, const std::vector<std::string>& arms,
                      std::span<const std::size_t> shown) {
  run::HeatMap map = probability_map("Who gets what, along the numeric features", which_arms(arms, shown));
  map.column_title = "tenths of the units, from the lowest values of the feature to the highest";
  map.row_title = "feature";
  for (std::size_t j = 0; j < kBins; ++j)
    map.columns.push_back(j == 0 ? "lowest" : j + 1 == kBins ? "highest" : std::to_string(j + 1));
  map.values = Matrix(profiles.size() * shown.size(), kBins);
  std::size_t row = 0;
  for (const std::size_t a : shown) {
    if (shown.size() > 1) map.groups.push_back({arms[a], profiles.size()});
    for (const FeatureProfile* profile : profiles) {
      map.rows.push_back(fmt::format("{} ({})", shortened(profile->feature, kLabelBytes), span_of(*profile)));
      const std::vector<std::size_t> bins = bins_of_tenths(*profile);
      for (std::size_t j = 0; j < kBins; ++j) map.values(row, j) = profile->policy(bins[j], a);
      ++row;
    }
  }
  run::Chart chart = run::draw(map);
  chart.numbers = profile_numbers(profiles, arms, shown);
  return chart;
}

run::Chart level_map(std::span<const FeatureProfile* const> profiles, const std::vector<std::string>& arms,
                     std::span<const std::size_t> shown) {
  run::HeatMap map = probability_map("Who gets what, by the levels of the other features", which_arms(arms, shown));
  map.row_title = "level (share of units)";
  const bool before = shown.size() == 1 && !profiles[0]->baseline.empty();
  for (const std::size_t a : shown) {
    if (before) map.columns.push_back("old: " + arms[a]);
    map.columns.push_back(before ? "new: " + arms[a] : arms[a]);
  }
  std::vector<double> values;
  for (const FeatureProfile* profile : profiles) {
    map.groups.push_back({profile->feature, profile->bins.size()});
    for (std::size_t k = 0; k < profile->bins.size(); ++k) {
      map.rows.push_back(fmt::format("{} ({})", profile->bins[k], percent_words(profile->share[k])));
      for (const std::size_t a : shown) {
        if (before) values.push_back(profile->baseline(k, a));
        values.push_back(profile->policy(k, a));
      }
    }
  }
  if (before) map.value_title = "mean probability";
  const std::size_t rows = map.rows.size();
  map.values = Matrix(rows, map.columns.size(), std::move(values));
  run::Chart chart = run::draw(map);
  chart.numbers = profile_numbers(profiles, arms, shown);
  return chart;
}

}  // namespace

std::vector<FeatureProfile> feature_profiles(const PolicyOnUnits& input, std::size_t count) {
  if (!input.units || !input.pi || input.units->rows() != input.pi->rows() || input.pi->rows() == 0) return {};
  std::vector<const data::Column*> columns;
  std::set<std::string_view> seen;  // "x" and "log(x)" are one column
  for (const std::string& name : input.features) {
    const data::Column* column = input.units->find(name);
    if (column && seen.insert(column->name).second) columns.push_back(column);
  }
  std::vector<FeatureProfile> profiles(columns.size());
  parallel_for(columns.size(), 1, [&](std::size_t begin, std::size_t end) {
    for (std::size_t c = begin; c < end; ++c) profiles[c] = profile_of(input, *columns[c]);
  });
  std::erase_if(profiles, [](const FeatureProfile& p) { return p.bins.size() < 2; });
  std::stable_sort(profiles.begin(), profiles.end(), [](const auto& a, const auto& b) { return a.variation > b.variation; });
  if (profiles.size() > count) profiles.resize(count);
  return profiles;
}

std::vector<run::Chart> policy_table_charts(std::span<const FeatureProfile> profiles, const std::vector<std::string>& arms) {
  std::vector<const FeatureProfile*> deciles, levels;
  for (const FeatureProfile& profile : profiles) (profile.deciles ? deciles : levels).push_back(&profile);
  const std::vector<std::size_t> shown = arms_shown(profiles, arms.size());
  std::vector<run::Chart> out;
  if (!deciles.empty()) out.push_back(decile_map(deciles, arms, shown));
  if (!levels.empty()) out.push_back(level_map(levels, arms, shown));
  return out;
}

}  // namespace gimbal::policy
