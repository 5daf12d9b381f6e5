#include "gimbal/policy/data_flags.h"

#include <gmock/gmock.h>

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

std::string text_of(const DataFlags& flags) {
  JsonWriter json;
  flags.write(json);
  return json.take();
}

DataFlags everything() {
  DataFlags flags;
  flags.outcome = "spend";
  flags.action = "segment";
  flags.id = "customer";
  flags.cluster = "store";
  flags.weight = "w";
  flags.propensity = PropensitySpec{PropensitySpec::Kind::kColumns, "e_"};
  flags.features = {"log(history)", "cat(zip)", "age"};
  flags.arms = {"No, thanks", "Mail"};
  flags.minimize = true;
  flags.drop_missing_outcome = true;
  flags.value_costs = {{"Mail", 0.6, ""}, {"Mail", 0, "postage"}};
  flags.baseline = "arm:No, thanks";
  return flags;
}

TEST(DataFlags, AreReadBackAsTheyWereWritten) {
  for (const DataFlags& flags : {DataFlags(), everything()}) {
    const std::string text = text_of(flags);
    const auto view = JsonView::parse(text, "data");
    ASSERT_TRUE(view) << view.error().text();
    const auto read = DataFlags::read(*view);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(text_of(*read), text);
  }
}

TEST(DataFlags, RefuseUnknownAndMissingMembers) {
  std::string text = text_of(everything());
  text.replace(text.find("\"weight\""), 8, "\"wieght\"");
  const auto read = DataFlags::read(*JsonView::parse(text, "data"));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().text(), HasSubstr("unknown key \"wieght\"; did you mean \"weight\"?"));
}

TEST(Propensity, IsReadFromItsText) {
  for (const char* text : {"uniform", "shares", "columns:p_", "logistic", "gbdt"}) {
    const auto spec = parse_propensity(text);
    ASSERT_TRUE(spec) << text;
    EXPECT_EQ(spec->text(), text);
    EXPECT_EQ(spec->is_estimated(), std::string(text) == "logistic" || std::string(text) == "gbdt");
  }
  EXPECT_EQ(parse_propensity("columns:")->prefix, "");  // the columns are named like the arms
}

TEST(Propensity, SaysWhenEachChoiceIsRight) {
  const auto wrong = parse_propensity("unifrom");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kUsage);
  EXPECT_THAT(wrong.error().text(), HasSubstr("found \"unifrom\"; did you mean \"uniform\"?"));
  EXPECT_THAT(wrong.error().text(), HasSubstr("shares: simple randomization"));
  const Error missing = missing_propensity();
  EXPECT_EQ(missing.where, "--propensity");
  EXPECT_THAT(missing.text(), HasSubstr("logistic or gbdt: estimated from the covariates, for observational data"));
  EXPECT_THAT(missing.text(), HasSubstr("there is no default"));
}

TEST(ValueCost, SplitsAtTheLastEqualsSign) {
  const auto constant = parse_value_cost("a=b=-0.5");
  ASSERT_TRUE(constant);
  EXPECT_EQ(constant->arm, "a=b");
  EXPECT_EQ(constant->constant, -0.5);
  const auto column = parse_value_cost("Mail=@postage");
  ASSERT_TRUE(column);
  EXPECT_EQ(column->column, "postage");
}

TEST(ValueCost, IsANumberOrAColumn) {
  EXPECT_EQ(parse_value_cost("a=1e308").error().text(), "--value-cost: a cost must lie within -1e70 and 1e70, found \"1e308\"");
  const auto text_of_error = [](std::string_view text) {
    const auto cost = parse_value_cost(text);
    return cost ? std::string("no error") : cost.error().text();
  };
  EXPECT_EQ(text_of_error("Mail"), "--value-cost: expected ARM=X or ARM=@column, found \"Mail\"");
  EXPECT_EQ(text_of_error("=1"), "--value-cost: expected ARM=X or ARM=@column, found \"=1\"");
  EXPECT_EQ(text_of_error("Mail="), "--value-cost: expected ARM=X or ARM=@column, found \"Mail=\"");
  EXPECT_EQ(text_of_error("Mail=inf"), "--value-cost: expected a number or @column after \"Mail=\", found \"inf\"");
}

}  // namespace
}  // namespace gimbal::policy
