#include "gimbal/policy/limits.h"

#include <gmock/gmock.h>

#include "gimbal/data/csv.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

const std::vector<std::string> kArms = {"none", "a=b", "mail"};

template <typename T>
std::string error_of(const Result<T>& result, int code = 2) {
  if (result) return "no error";
  EXPECT_EQ(exit_code(result.error().code), code) << result.error().text();
  return result.error().text();
}

data::DataTable units() { return *data::parse_table("age,town,cost\n30,north,1.5\n41,south,2\n22,north,0\n", "units.csv"); }

TEST(Limits, SplitsAnArmsNumberAtTheLastEqualsSign) {
  const auto parsed = parse_arm_fraction("a=b=0.25", "--floor");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->arm, "a=b");
  EXPECT_EQ(parsed->value, 0.25);
}

TEST(Limits, RefusesFractionsThatAreNone) {
  EXPECT_EQ(error_of(parse_arm_fraction("mail", "--floor")), "--floor: expected ARM=FRACTION, found \"mail\"");
  EXPECT_EQ(error_of(parse_arm_fraction("=0.5", "--floor")), "--floor: expected ARM=FRACTION, found \"=0.5\"");
  EXPECT_EQ(error_of(parse_arm_fraction("mail=30", "--capacity")),
            "--capacity: expected a fraction from 0 to 1 after \"mail=\", found \"30\"");
  EXPECT_EQ(error_of(parse_arm_fraction("mail=-0.1", "--capacity")),
            "--capacity: expected a fraction from 0 to 1 after \"mail=\", found \"-0.1\"");
  EXPECT_EQ(error_of(parse_arm_fraction("mail=nan", "--capacity")),
            "--capacity: expected a fraction from 0 to 1 after \"mail=\", found \"nan\"");
  EXPECT_EQ(error_of(parse_arm_fraction("mail=", "--capacity")),
            "--capacity: expected a fraction from 0 to 1 after \"mail=\", found \"\"");
}

TEST(Limits, ReadsForbiddenCells) {
  const auto plain = parse_forbidden("mail:town=north");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->arm, "mail");
  EXPECT_EQ(plain->column, "town");
  EXPECT_EQ(plain->level, "north");
  const auto colons = parse_forbidden("arm: two:town=north");  // the column is what stands after the last colon
  ASSERT_TRUE(colons);
  EXPECT_EQ(colons->arm, "arm: two");
  const auto empty_level = parse_forbidden("mail:town=");
  ASSERT_TRUE(empty_level);
  EXPECT_EQ(empty_level->level, "");
  for (const char* bad : {"mail", "mail:town", "town=north", ":town=north", "mail:=north"}) {
    EXPECT_EQ(error_of(parse_forbidden(bad)), "--forbid: expected ARM:COLUMN=LEVEL, found \"" + std::string(bad) + "\"");
  }
}

TEST(Limits, ReadsResources) {
  const auto constant = parse_resource("mail=0.6");
  ASSERT_TRUE(constant);
  EXPECT_EQ(constant->constant, 0.6);
  EXPECT_EQ(constant->column, "");
  const auto column = parse_resource("a=b=@cost");
  ASSERT_TRUE(column);
  EXPECT_EQ(column->arm, "a=b");
  EXPECT_EQ(column->column, "cost");
  EXPECT_EQ(error_of(parse_resource("mail")), "--resource: expected ARM=X or ARM=@column, found \"mail\"");
  EXPECT_EQ(error_of(parse_resource("mail=")), "--resource: expected ARM=X or ARM=@column, found \"mail=\"");
  EXPECT_EQ(error_of(parse_resource("mail=much")), "--resource: expected a number or @column after \"mail=\", found \"much\"");
}

Limits all_kinds() {
  Limits limits;
  limits.max_drift = 0.5;
  limits.floors = {{"none", 0.1}};
  limits.ceilings = {{"mail", 0.9}};
  limits.forbids = {{"mail", "town", "north"}};
  limits.capacities = {{"mail", 0.3}};
  limits.min_shares = {{"a=b", 0.2}};
  limits.budget = 1.25;
  limits.resources = {{"mail", 0, "cost"}, {"a=b", 2, ""}};
  return limits;
}

std::string text_of(const Limits& limits) {
  JsonWriter json;
  limits.write(json);
  return json.take();
}

TEST(Limits, AreReadBackAsTheyWereWritten) {
  for (const Limits& limits : {Limits(), all_kinds()}) {
    const std::string text = text_of(limits);
    const auto view = JsonView::parse(text, "limits");
    ASSERT_TRUE(view) << view.error().text();
    const auto read = Limits::read(*view);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(text_of(*read), text);
  }
}

TEST(Limits, RefuseUnknownMembers) {
  std::string text = text_of(all_kinds());
  text.replace(text.find("\"capacity\""), 10, "\"capacities\"");
  EXPECT_THAT(error_of(Limits::read(*JsonView::parse(text, "limits"))), HasSubstr("unknown key \"capacities\""));
}

TEST(Limits, NameTheColumnsThatTheyRead) {
  EXPECT_EQ(all_kinds().columns(), (std::vector<std::string>{"town", "cost"}));
  EXPECT_TRUE(Limits().columns().empty());
  EXPECT_FALSE(Limits().has_bounds());
  EXPECT_FALSE(Limits().has_constraints());
  EXPECT_TRUE(all_kinds().has_bounds());
  EXPECT_TRUE(all_kinds().has_constraints());
}

TEST(Limits, BecomeBoundsOfTheUnits) {
  const data::DataTable table = units();
  const auto bounds = resolve_bounds(all_kinds(), kArms, &table, 3);
  ASSERT_TRUE(bounds) << bounds.error().text();
  EXPECT_EQ(bounds->max_drift, 0.5);
  EXPECT_EQ(bounds->floor, (std::vector<double>{0.1, 0, 0}));
  EXPECT_EQ(bounds->ceiling, (std::vector<double>{1, 1, 0.9}));
  EXPECT_EQ(bounds->forbidden, (std::vector<std::uint8_t>{0, 0, 1, 0, 0, 0, 0, 0, 1}));
}

TEST(Limits, ForbidByNumbersToo) {
  const data::DataTable table = units();
  Limits limits;
  limits.forbids = {{"none", "age", "41"}};
  const auto bounds = resolve_bounds(limits, kArms, &table, 3);
  ASSERT_TRUE(bounds) << bounds.error().text();
  EXPECT_EQ(bounds->forbidden, (std::vector<std::uint8_t>{0, 0, 0, 1, 0, 0, 0, 0, 0}));
}

TEST(Limits, BecomeSharedConstraints) {
  const data::DataTable table = units();
  const auto constraints = resolve_constraints(all_kinds(), kArms, &table, 3);
  ASSERT_TRUE(constraints) << constraints.error().text();
  ASSERT_EQ(constraints->size(), 3u);
  EXPECT_EQ((*constraints)[0].name, "capacity mail=0.3");
  EXPECT_EQ((*constraints)[0].g, Matrix(1, 3, std::vector<double>{0, 0, 1}));
  EXPECT_EQ((*constraints)[0].limit, 0.3);
  EXPECT_EQ((*constraints)[1].name, "min-share a=b=0.2");
  EXPECT_EQ((*constraints)[1].g, Matrix(1, 3, std::vector<double>{0, -1, 0}));  // share >= 0.2 as -share <= -0.2
  EXPECT_EQ((*constraints)[1].limit, -0.2);
  EXPECT_EQ((*constraints)[2].name, "budget 1.25");
  EXPECT_EQ((*constraints)[2].g, Matrix(3, 3, std::vector<double>{0, 2, 1.5, 0, 2, 2, 0, 2, 0}));
}

TEST(Limits, NeedNoUnitsWhereNoColumnIsRead) {
  Limits limits;
  limits.budget = 1;
  limits.resources = {{"mail", 3, ""}};
  const auto constraints = resolve_constraints(limits, kArms, nullptr, 5);
  ASSERT_TRUE(constraints);
  EXPECT_EQ(constraints->front().g, Matrix(1, 3, std::vector<double>{0, 0, 3}));
  EXPECT_THAT(error_of(resolve_constraints(all_kinds(), kArms, nullptr, 3)),
              HasSubstr("--resource: column \"cost\" is not known for these units"));
  EXPECT_THAT(error_of(resolve_bounds(all_kinds(), kArms, nullptr, 3)),
              HasSubstr("--forbid: column \"town\" is not known for these units"));
}

TEST(Limits, NameTheFlagTheArmsAndTheColumnsThatAreWrong) {
  const data::DataTable table = units();
  Limits limits;
  limits.floors = {{"mial", 0.1}};
  EXPECT_EQ(error_of(resolve_bounds(limits, kArms, &table, 3)),
            "--floor: unknown arm \"mial\"; arms found: none, a=b, mail; did you mean \"mail\"?");
  limits = {};
  limits.forbids = {{"mail", "twon", "north"}};
  EXPECT_EQ(error_of(resolve_bounds(limits, kArms, &table, 3)),
            "--forbid: units.csv has no column \"twon\"; did you mean \"town\"?");
  limits = {};
  limits.budget = 1;
  EXPECT_EQ(error_of(resolve_constraints(limits, kArms, &table, 3)),
            "--budget: a budget needs to know what the arms use: add --resource ARM=X or ARM=@column");
  limits.resources = {{"mail", 0, "town"}};
  EXPECT_THAT(error_of(resolve_constraints(limits, kArms, &table, 3)),
              HasSubstr("units.csv:2:2: resource \"town\" must be a finite number, found \"north\""));
  limits.budget.reset();
  EXPECT_EQ(error_of(resolve_constraints(limits, kArms, &table, 3)),
            "--resource: a resource needs a limit: add --budget B (mean resource a unit)");
}

}  // namespace
}  // namespace gimbal::policy
