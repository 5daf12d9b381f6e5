#include "gimbal/data/table.h"

#include <cmath>

#include "gimbal/base/check.h"
#include "gimbal/data/csv.h"

namespace gimbal::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

const double kNan = std::nan("");

DataTable parsed(std::string_view text, const CsvOptions& options = {}) {
  auto table = parse_table(text, "data.csv", options);
  EXPECT_TRUE(table) << table.error().text();
  return table ? std::move(*table) : DataTable();
}

TEST(Table, IsBuiltInMemory) {
  DataTable table;
  const std::vector<std::string> arms = {"b", "a", "", "b"};
  table.add_numbers("x", {1, 2, kNan, 4}).add_text("arm", arms);
  EXPECT_EQ(table.rows(), 4u);
  EXPECT_THAT(table.names(), ElementsAre("x", "arm"));
  EXPECT_EQ(table.columns()[1].field, 2u);
  EXPECT_THAT(table.find("arm")->codes, ElementsAre(0, 1, Column::kMissing, 0));
  EXPECT_THAT(table.find("arm")->levels, ElementsAre("b", "a"));
  EXPECT_EQ(table.find("x")->text(3), "4");
  EXPECT_EQ(table.find("x")->text(2), "");
  EXPECT_EQ(table.where(0), "table:2");
}

TEST(Table, RefusesColumnsThatDoNotFit) {
  DataTable table;
  table.add_numbers("x", {1, 2});
  EXPECT_THROW(table.add_numbers("y", {1}), CheckFailure);
  EXPECT_THROW(table.add_numbers("x", {1, 2}), CheckFailure);
}

TEST(Table, SelectionsRememberTheirLines) {
  const DataTable table = parsed("x,arm\n1,a\n2,b\n3,a\n4,c\n");
  const std::size_t index[] = {3, 0, 3};
  const DataTable some = table.select_rows(index);
  EXPECT_THAT(some.find("x")->numbers, ElementsAre(4, 1, 4));
  EXPECT_EQ(some.find("arm")->text(0), "c");
  EXPECT_EQ(some.line_of(0), 5u);
  const std::size_t again[] = {1};
  EXPECT_EQ(some.select_rows(again).where(0), "data.csv:2");
  const DataTable column = some.select_columns({"arm", "nothing"});
  EXPECT_EQ(column.columns().size(), 1u);
  EXPECT_EQ(column.where(0, column.columns()[0]), "data.csv:5:2");
  EXPECT_EQ(table.select_rows({}).rows(), 0u);
}

TEST(Table, AMissingColumnIsReportedWithFlagAndNearNames) {
  const DataTable table = parsed("recency,visit,spend\n1,2,3\n");
  EXPECT_EQ((*require_column(table, "visit", "--outcome"))->field, 2u);
  const auto near = require_column(table, "vist", "--outcome");
  ASSERT_FALSE(near);
  EXPECT_EQ(near.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(near.error().text(), "--outcome: data.csv has no column \"vist\"; did you mean \"visit\"?");
  EXPECT_EQ(require_column(table, "zzzzzzzz", "--id").error().text(),
            "--id: data.csv has no column \"zzzzzzzz\"\n  columns: recency, visit, spend");
  EXPECT_THAT(require_column(parsed("a;b\n1;2\n"), "x", "--id").error().text(), HasSubstr("separated by commas"));
}

TEST(Table, NumbersThatAreNotFiniteAreListedWithTheirPlace) {
  std::string text = "a,b,c,d,e,visit\n";
  for (int i = 0; i < 15; ++i) text += "1,2,3,4,5,0\n";
  text += "1,2,3,4,5,NA\n1,2,3,4,5,\n1,2,3,4,5,inf\n";
  const DataTable table = parsed(text);
  const auto numbers = finite_numbers(table, *table.find("visit"), "outcome", "use --drop-missing-outcome to skip such rows");
  ASSERT_FALSE(numbers);
  EXPECT_EQ(numbers.error().code, ErrorCode::kParseError);
  EXPECT_EQ(
      numbers.error().text(),
      "data.csv:17:6: outcome \"visit\" must be a finite number, found \"NA\"; use --drop-missing-outcome to skip such rows\n"
      "  data.csv:18:6: outcome \"visit\" must be a finite number, found \"\"\n"
      "  data.csv:19:6: outcome \"visit\" must be a finite number, found \"inf\"");
  EXPECT_THAT(*finite_numbers(table, *table.find("a"), "weight"), ::testing::SizeIs(18));
  const DataTable large = parsed("y\n1e70\n-2e300\n");
  EXPECT_EQ(finite_numbers(large, *large.find("y"), "outcome", "hint").error().text(),
            "data.csv:3:1: outcome \"y\" must lie within -1e+70 and 1e+70, found \"-2e+300\"");
  EXPECT_THAT(numbers_or_nan(*parsed("x\n1.5\nNA\n\"\"\n").find("x")), ElementsAre(1.5, IsNan(), IsNan()));
}

TEST(Table, NumbersCanBeReadAsCategories) {
  DataTable table;
  table.add_numbers("arm", {1, 0, 1, 0.5, kNan, -0.0});
  const Categories arms = as_categories(*table.find("arm"));
  EXPECT_THAT(arms.codes, ElementsAre(0, 1, 0, 2, Column::kMissing, 1));
  EXPECT_THAT(arms.levels, ElementsAre("1", "0", "0.5"));
  const auto strict = require_categories(table, *table.find("arm"), "action", "every row needs one");
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().text(), "table:6:1: action \"arm\" must not be empty; every row needs one");
}

TEST(Table, FindsDuplicates) {
  const DataTable table = parsed("id,x\nu1,1\nu2,2\nu1,3\n,4\n,5\nu1,6\n");
  const std::vector<Duplicate> twice = find_duplicates(*table.find("id"));
  ASSERT_EQ(twice.size(), 2u);
  EXPECT_EQ(twice[1].value, "u1");
  EXPECT_EQ(twice[1].first_row, 0u);
  EXPECT_EQ(twice[1].row, 5u);
  EXPECT_EQ(require_distinct(table, *table.find("id"), "id").error().text(),
            "data.csv:4:1: id \"u1\" stands already in line 2\n  data.csv:7:1: id \"u1\" stands already in line 2");
  EXPECT_TRUE(require_distinct(table, *table.find("x"), "id"));
}

TEST(LineMap, FollowsLineByLineBetweenBreaks) {
  LineMap lines;
  EXPECT_EQ(lines.line_of(4), 6u);
  lines.set(0, 3);
  lines.set(2, 5);
  lines.set(5, 20);
  EXPECT_EQ(lines.line_of(0), 3u);
  EXPECT_EQ(lines.line_of(4), 7u);
  EXPECT_EQ(lines.line_of(5), 20u);
  EXPECT_EQ(lines.line_of(9), 24u);
}

}  // namespace
}  // namespace gimbal::data
