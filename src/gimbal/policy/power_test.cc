#include "gimbal/policy/power.h"

#include <gmock/gmock.h>

#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

Frontier frontier_of(std::shared_ptr<const Table> table, Score score, double n) {
  FrontierInput input;
  input.population = std::move(table);
  FrontierOptions options;
  options.score = score;
  options.test.n = n;
  auto built = Frontier::build(std::move(input), std::move(options));
  EXPECT_TRUE(built) << built.error().text();
  return *std::move(built);
}

// P1 of docs/policy.md with ipw: lambda_max_z 11 needs 197.72 units for power .8, lambda 12 198.05, everyone 200.00.
TEST(Power, SaysHowLargeTheTestMustBe) {
  const Frontier frontier = frontier_of(testing::p1(), Score::kIpw, 199);
  const std::vector<std::string> rules = {"max-z", "lambda:12", "max-tau"};
  const std::vector<double> sizes = {199, 400};
  const auto rows = power_rows(frontier, CurveKind::kPlugin, rules, sizes, 0.8, true);
  ASSERT_TRUE(rows) << rows.error().text();
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_NEAR((*rows)[0].units_required, 197.72, .005);  // the page's digits
  EXPECT_NEAR((*rows)[1].units_required, 198.05, .005);
  EXPECT_NEAR((*rows)[2].units_required, 200.00, .005);
  EXPECT_NEAR((*rows)[1].power[0].power, .801881, 1e-6);
  EXPECT_NEAR((*rows)[2].power[0].power, .798029, 1e-6);
  EXPECT_NEAR((*rows)[1].lambda, 12, 1e-12);
  EXPECT_EQ((*rows)[2].lambda, kInfinity);
  for (const PowerRow& row : *rows) {
    ASSERT_EQ(row.power.size(), 2u);
    EXPECT_LT(row.power[0].power, row.power[1].power);
    EXPECT_FALSE(row.power[0].low.has_value());  // there is no honest curve to take an interval from
  }
}

TEST(Power, ASizeThatWasSolvedForIsNotRoundedUp) {
  EXPECT_EQ(whole_units(200.00000000000006), 200);
  EXPECT_EQ(whole_units(200.001), 201);
  EXPECT_EQ(whole_units(199.5), 200);
}

TEST(Power, AtTheSizeThatItRequiresIsTheOneAskedFor) {
  for (int seed = 0; seed < 50; ++seed) {
    testing::RandomTable spec;
    spec.arms = 2 + static_cast<std::size_t>(seed % 4);
    const Frontier frontier =
        frontier_of(testing::share(testing::random_table(spec, static_cast<std::uint64_t>(seed))), Score::kDr, 100);
    const std::vector<std::string> rules = {"max-z", "max-tau"};
    const double wanted = 0.5 + 0.009 * seed;
    const auto rows = power_rows(frontier, CurveKind::kPlugin, rules, {}, wanted, true);
    ASSERT_TRUE(rows) << rows.error().text();
    for (const PowerRow& row : *rows) {
      const double sizes[] = {row.units_required};
      const std::string rule[] = {row.at};
      const auto again = power_rows(frontier, CurveKind::kPlugin, rule, sizes, wanted, true);
      ASSERT_TRUE(again);
      EXPECT_NEAR(again->front().power.front().power, wanted, 1e-12) << row.at;
    }
  }
}

TEST(Power, LeavesOutARuleThatCannotBeMetUnlessItWasAskedFor) {
  const Frontier frontier = frontier_of(testing::p1(), Score::kIpw, 100);
  const std::vector<std::string> rules = {"max-z", "power:0.8"};
  const std::vector<double> sizes = {100};
  const auto lenient = power_rows(frontier, CurveKind::kPlugin, rules, sizes, 0.8, false);
  ASSERT_TRUE(lenient);
  ASSERT_EQ(lenient->size(), 1u);
  EXPECT_EQ(lenient->front().at, "max-z");
  const auto strict = power_rows(frontier, CurveKind::kPlugin, rules, sizes, 0.8, true);
  ASSERT_FALSE(strict);
  EXPECT_EQ(exit_code(strict.error().code), 3);
  EXPECT_THAT(strict.error().text(), HasSubstr("--at: power:0.8: no point has power 0.8 with 100 test units"));
}

TEST(Power, WritesItsDocumentInTheOrderOfThePage) {
  const Frontier frontier = frontier_of(testing::p1(), Score::kIpw, 199);
  const std::vector<std::string> rules = {"max-tau"};
  const std::vector<double> sizes = {2};
  const auto rows = power_rows(frontier, CurveKind::kPlugin, rules, sizes, 0.8, true);
  ASSERT_TRUE(rows);
  JsonWriter json;
  json.begin_object();
  write_power_fields(json, *rows, CurveKind::kPlugin, frontier.options().test);
  json.end_object();
  const auto view = JsonView::parse(json.text(), "power");
  ASSERT_TRUE(view);
  std::string names;
  const auto rows_view = view->get("rows");
  ASSERT_TRUE(rows_view);
  const auto items = rows_view->items();
  ASSERT_TRUE(items);
  for (const JsonView& object : {*view, items->front()}) {
    const auto members = object.members();
    ASSERT_TRUE(members);
    for (const auto& [name, value] : *members) names += name + " ";
  }
  EXPECT_EQ(names, "curve alpha side rows at lambda tau z1 n_required power ");
  EXPECT_THAT(json.text(), HasSubstr("\"at\":\"max-tau\",\"lambda\":null,"));
  EXPECT_THAT(json.text(), HasSubstr("\"n_required\":201,"));  // 200.0004 rounded up
}

}  // namespace
}  // namespace gimbal::policy
