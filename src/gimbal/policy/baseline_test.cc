#include "gimbal/policy/baseline.h"

namespace gimbal::policy {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kArms = {"No E-Mail", "Mens E-Mail"};

TEST(Baseline, ReadsTheFourForms) {
  for (const std::string text : {"logging", "arm:No E-Mail", "columns:old_", "policy:runs/a:b.json"}) {
    const auto spec = parse_baseline(text);
    ASSERT_TRUE(spec) << text;
    EXPECT_EQ(spec->text(), text);
  }
  EXPECT_EQ(parse_baseline("arm:No E-Mail")->words(), "\"No E-Mail\" for everyone");
  EXPECT_EQ(parse_baseline("logging")->words(), "the logging policy");
  for (const std::string text : {"", "arm", "arm:", "logging:x", "treat everyone"}) {
    const auto spec = parse_baseline(text);
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::kUsage);
    EXPECT_EQ(spec.error().where, "--baseline");
    EXPECT_THAT(spec.error().message, HasSubstr("arm:NAME (that arm for everyone)"));
  }
}

TEST(Baseline, IsEmptyForLoggingAndOneArmForEveryoneOtherwise) {
  const Matrix e(2, 2, {.5, .5, .25, .75});
  EXPECT_TRUE(resolve_baseline({}, kArms, e)->empty());
  EXPECT_EQ(*resolve_baseline(*parse_baseline("arm:Mens E-Mail"), kArms, e), Matrix(2, 2, {0, 1, 0, 1}));
}

TEST(Baseline, TakesColumnsAndPoliciesFromItsSources) {
  const Matrix e(1, 2, {.5, .5});
  BaselineSources sources;
  sources.columns = [](const std::string& prefix) -> Result<Matrix> {
    EXPECT_EQ(prefix, "old_");
    return Matrix(1, 2, {.25, .75});
  };
  EXPECT_EQ((*resolve_baseline(*parse_baseline("columns:old_"), kArms, e, sources))(0, 1), .75);
  const auto missing = resolve_baseline(*parse_baseline("policy:p.json"), kArms, e, sources);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kUsage);
  sources.policy = [](const std::string& file) -> Result<Matrix> { return fail(ErrorCode::kNotFound, "no file {}", file); };
  EXPECT_EQ(resolve_baseline(*parse_baseline("policy:p.json"), kArms, e, sources).error().code, ErrorCode::kNotFound);
}

TEST(Baseline, NamesTheArmsWhenOneIsUnknown) {
  const auto result = resolve_baseline(*parse_baseline("arm:Men E-Mail"), kArms, Matrix(1, 2, {.5, .5}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().text(),
            "--baseline: no arm \"Men E-Mail\"; the arms are \"No E-Mail\", \"Mens E-Mail\"; did you mean \"Mens E-Mail\" or "
            "\"No E-Mail\"?");
}

TEST(Baseline, IsRefusedWithTheCountWhereAnArmWasImpossible) {
  const auto result = resolve_baseline(*parse_baseline("arm:Mens E-Mail"), kArms, Matrix(3, 2, {.5, .5, 1, 0, 1, 0}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotIdentified);
  EXPECT_THAT(result.error().message, HasSubstr("the baseline cannot be evaluated from these data: 2 of 3 units"));
  EXPECT_THAT(result.error().message, HasSubstr("first: unit 1, counted from 0, arm \"Mens E-Mail\""));
}

}  // namespace
}  // namespace gimbal::policy
