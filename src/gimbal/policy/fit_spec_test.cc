#include "gimbal/policy/fit_spec.h"

#include <gmock/gmock.h>

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

std::string text_of(const FitSpec& spec) {
  JsonWriter json;
  spec.write(json);
  return json.take();
}

TEST(FitSpec, IsReadBackAsItWasWritten) {
  FitSpec other;
  ASSERT_TRUE(set_learner(other, "columns:mu_"));
  ASSERT_TRUE(set_effect(other, "dr"));
  ASSERT_TRUE(set_variance(other, "columns:var_"));
  ASSERT_TRUE(set_unknown_category(other, "missing"));
  other.folds = 20;
  other.clip = 0.05;
  other.trim = 0.1;
  other.seed = ~std::uint64_t{0};  // all 64 bits
  for (const FitSpec& spec : {FitSpec(), other}) {
    const std::string text = text_of(spec);
    const auto read = FitSpec::read(*JsonView::parse(text, "spec"));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(text_of(*read), text);
  }
}

TEST(FitSpec, TakesEveryChoiceByItsName) {
  for (const char* name : {"auto", "mean", "ols", "ridge", "logistic", "gbdt", "columns:p_"}) {
    FitSpec spec;
    ASSERT_TRUE(set_learner(spec, name));
    EXPECT_EQ(spec.learner_text(), name);
  }
  for (const char* name : {"auto", "arm", "model", "binomial", "columns:v_"}) {
    FitSpec spec;
    ASSERT_TRUE(set_variance(spec, name));
    EXPECT_EQ(spec.variance_text(), name);
  }
}

TEST(FitSpec, ListsTheChoicesWhenAWordIsNone) {
  FitSpec spec;
  const auto text_of_error = [](const Result<void>& result) {
    return result ? std::string("no error") : result.error().text();
  };
  EXPECT_EQ(text_of_error(set_learner(spec, "rigde")),
            "--learner: expected one of auto, mean, ols, ridge, logistic, gbdt, columns:PREFIX; found \"rigde\"; did you mean "
            "\"ridge\"?");
  EXPECT_EQ(text_of_error(set_variance(spec, "robust")),
            "--variance: expected one of auto, arm, model, binomial, columns:PREFIX; found \"robust\"");
  EXPECT_EQ(text_of_error(set_effect(spec, "d")), "--effect: expected one of t, dr; found \"d\"");
  EXPECT_EQ(text_of_error(set_unknown_category(spec, "drop")),
            "--unknown-category: expected one of error, missing; found \"drop\"");
}

TEST(FitSpec, RefusesSeedsThatAreNone) {
  std::string text = text_of(FitSpec());
  text.replace(text.find("\"seed\":0"), 8, "\"seed\":-1");
  const auto read = FitSpec::read(*JsonView::parse(text, "spec"));
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().text(), HasSubstr("expected an integer from 0 to 2^64 - 1, found -1"));
}

}  // namespace
}  // namespace gimbal::policy
