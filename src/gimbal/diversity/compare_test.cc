#include "gimbal/diversity/compare.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace gimbal::diversity {
namespace {

using Cells = std::vector<std::optional<double>>;
const Cells kA{.42, .35, .51, .60, .28, .44, .39, .55};
const Cells kB{.40, .41, .62, .75, .33, .52, .38, .68};

TEST(Compare, ReproducesTheWorkedExample) {
  const std::vector<PairedSamples> samples = {{"div_fixed", "model=base", "model=inst", kA, kB},
                                              {"validity", "a", "b", {1.0}, {2.0}}};
  const auto rows = compare(samples, {}).value();
  const ComparisonRow& row = rows.front();
  EXPECT_EQ(row.n, 8u);
  EXPECT_EQ(row.zeros, 0u);
  EXPECT_TRUE(row.exact);
  EXPECT_NEAR(row.mean_a, .4425, 1e-12);
  EXPECT_NEAR(row.mean_b, .51125, 1e-12);
  EXPECT_NEAR(row.mean_diff, -.06875, 1e-12);
  EXPECT_NEAR(row.median_diff, -.07, 1e-12);
  EXPECT_EQ(row.w, 3);
  EXPECT_EQ(row.p, .0390625);
  EXPECT_EQ(row.p_adj, .078125);  // Holm over two rows, the other one with p = 1
  EXPECT_FALSE(row.significant);
  EXPECT_NEAR(row.cohens_d.value(), -.5152643, 5e-8);
  EXPECT_NEAR(row.d_z.value(), -1.1134425, 5e-8);
  EXPECT_NEAR(row.rank_biserial, -.8333333, 5e-8);
  EXPECT_EQ(row.wins, 2u);
  EXPECT_EQ(row.ties, 0u);
  EXPECT_EQ(row.losses, 6u);
  // Close to mean +- 1.96 sd sqrt(7/8) / sqrt(8), the normal interval of a resampled mean; the differences lie on a grid of
  // .01/8, and an end has a Monte Carlo error of about .001.
  EXPECT_NEAR(row.lo.value(), -.1088, .004);
  EXPECT_NEAR(row.hi.value(), -.0287, .004);
  EXPECT_EQ(rows.back().cohens_d, std::nullopt);
  EXPECT_EQ(rows.back().lo, std::nullopt);
}

TEST(Compare, LeavesOutUnitsWithoutBothValues) {
  Cells a = kA, b = kB;
  a.push_back(1.0);
  b.push_back(std::nullopt);
  const std::vector<PairedSamples> samples = {{"x", "a", "b", a, b}};
  EXPECT_EQ(compare(samples, {.adjust = Multiplicity::kNone}).value().front().n, 8u);
  const std::vector<PairedSamples> none = {{"x", "a", "b", {1.0, std::nullopt}, {std::nullopt, std::nullopt}}};
  EXPECT_EQ(compare(none, {}).error().message, "x: no unit has both values (a has 1, b has 0)");
  EXPECT_EQ(compare(none, {}).error().code, ErrorCode::kInsufficientData);
}

TEST(Compare, CountsTiesAsTheTestDoes) {
  const std::vector<PairedSamples> samples = {{"x", "a", "b", {.3, 1.0, 2.0}, {.1 + .2, 1.0, 1.0}}};
  const ComparisonRow row = compare(samples, {}).value().front();
  EXPECT_EQ(row.ties, 2u);
  EXPECT_EQ(row.wins, 1u);
  EXPECT_EQ(row.losses, 0u);
}

}  // namespace
}  // namespace gimbal::diversity
