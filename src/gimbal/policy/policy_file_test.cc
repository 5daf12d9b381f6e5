#include "gimbal/policy/policy_file.h"

#include <gmock/gmock.h>

#include "gimbal/base/file.h"
#include "gimbal/policy/frontier_request.h"
#include "gimbal/policy/nuisance_table.h"
#include "gimbal/policy/path_test_tables.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

PolicyFile small() {
  PolicyFile policy;
  policy.source = PolicyFile::Source::kNuisances;
  policy.arms = {"0", "1"};
  policy.lambda = policy.effective_lambda = 12;
  policy.score = Score::kIpw;
  policy.select = "lambda:12";
  policy.curve = CurveKind::kPlugin;
  policy.promise = Promise{0.43, 0.199, 0.8, 199, {}, {}};
  policy.training = {"p1.csv", std::string(64, 'a'), "all.csv", std::string(64, 'b')};
  return policy;
}

Result<PolicyFile> parsed(const std::string& text) {
  GIMBAL_TRY(const JsonView view, JsonView::parse(text, "policy.json"));
  return parse_policy_file(view);
}

std::string error_of(const Result<PolicyFile>& result) {
  if (result) return "no error";
  EXPECT_EQ(exit_code(result.error().code), 2);
  return result.error().text();
}

TEST(PolicyFile, IsReadBackAsItWasWritten) {
  PolicyFile all = small();
  all.lambda = all.effective_lambda = kInfinity;
  all.fallback = true;
  all.curve = CurveKind::kHonest;
  all.promise->tau_honest = 0.4;
  all.promise->power_honest = 0.75;
  all.eta = {0.5, 0};
  all.limits.max_drift = 0.25;
  all.limits.capacities = {{"1", 0.3}};
  all.baseline = "policy:other.json";
  all.baseline_policy = std::make_shared<const PolicyFile>(small());
  all.data.cluster = "village";
  all.data.minimize = true;
  for (const PolicyFile& policy : {small(), all}) {
    const std::string text = policy.text();
    const auto read = parsed(text);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->text(), text);
  }
}

TEST(PolicyFile, RefusesWhatItDoesNotKnow) {
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string text = small().text();
    text.replace(text.find(from), from.size(), to);
    return error_of(parsed(text));
  };
  EXPECT_THAT(changed("gimbal.policy.policy/1", "gimbal.policy.policy/9"),
              HasSubstr("expected the version \"gimbal.policy.policy/1\", found \"gimbal.policy.policy/9\""));
  EXPECT_THAT(changed("gimbal.policy.policy/1", "gimbal.policy.model/1"),
              HasSubstr("expected a policy (`gimbal policy choose -o` or `tree -o`), found a model"));
  EXPECT_THAT(changed("\"fallback\"", "\"fall_back\""), HasSubstr("unknown key \"fall_back\"; did you mean \"fallback\"?"));
  EXPECT_THAT(changed("\"nuisances\"", "\"oracle\""), HasSubstr("unknown source \"oracle\""));
  EXPECT_THAT(changed("\"nuisances\"", "\"model\""), HasSubstr("a policy of source \"model\" must carry its model"));
  EXPECT_THAT(changed("\"nuisances\"", "\"tree\""), HasSubstr("a policy of source \"tree\" must carry its tree"));
  EXPECT_THAT(changed("\"ipw\"", "\"ipv\""), HasSubstr("ipv"));
  EXPECT_THAT(changed("\"lambda\":12", "\"lambda\":\"12\""), HasSubstr("policy.json: lambda: expected a number"));
}

TEST(PolicyFile, MadeFromATableCannotBeAppliedToCovariates) {
  const data::DataTable table = data::DataTable("new.csv");
  const auto applied = apply_policy(small(), table, data::UnknownCategory::kError);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(applied.error().text(), HasSubstr("--nuisances"));
}

// The file gives each unit the probabilities that the frontier gives it, whatever the score, the limits and the baseline.
struct Case {
  const char* name;
  Score score = Score::kDr;
  std::size_t arms = 3;
  double max_drift = 1;
  bool capacity = false, deterministic = false, fixed_baseline = false;
};

class AppliedPolicyTest : public ::testing::TestWithParam<Case> {};

TEST_P(AppliedPolicyTest, HasTheProbabilitiesOfItsPoint) {
  const Case& spec = GetParam();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    testing::RandomTable random;
    random.units = 40;
    random.arms = spec.arms;
    random.deterministic_baseline = spec.fixed_baseline;
    random.weights = seed % 2 == 1;
    auto table = testing::share(testing::random_table(random, seed));
    FrontierRequest request;
    request.nuisances = "table.csv";
    request.baseline = table->b.empty() ? "logging" : "columns:b_";
    request.score = spec.score;
    request.deterministic = spec.deterministic;
    request.limits.max_drift = spec.max_drift;
    request.n_test = 100;
    request.points = 5;
    if (spec.capacity) {
      request.limits.capacities = {{"arm1", 0.4}};
      request.limits.min_shares = {{"arm0", 0.1}};
    }
    FrontierParts parts;
    parts.population = table;
    parts.c0 = 0.7;
    auto frontier = make_frontier(parts, request);
    ASSERT_TRUE(frontier) << spec.name << ": " << frontier.error().text();
    LoadedFrontier loaded;
    loaded.frontier = std::make_shared<const Frontier>(*std::move(frontier));
    loaded.request = request;
    loaded.c0 = parts.c0;
    const double lambdas[] = {0.3, 2.0, 30.0, kInfinity};
    const auto points = loaded.frontier->points(lambdas, 4);
    ASSERT_TRUE(points) << points.error().text();
    for (const FrontierPoint& point : *points) {
      const auto expected = loaded.frontier->probabilities(point);
      ASSERT_TRUE(expected);
      const PolicyFile made = make_policy(loaded, point, "lambda:2", CurveKind::kPlugin, false);
      const auto read = parsed(made.text());
      ASSERT_TRUE(read) << read.error().text();
      const auto pi = policy_probabilities(*read, table, nullptr, data::UnknownCategory::kError);
      ASSERT_TRUE(pi) << pi.error().text();
      for (std::size_t i = 0; i < pi->rows(); ++i) {
        double sum = 0;
        for (std::size_t a = 0; a < pi->cols(); ++a) {
          // Under constraints the multipliers are stored at their full digits, and lambda is large: 1e-6 of a probability.
          EXPECT_NEAR((*pi)(i, a), (*expected)(i, a), spec.capacity ? 1e-6 : 1e-12)
              << spec.name << ", seed " << seed << ", lambda " << *point.lambda << ", unit " << i;
          sum += (*pi)(i, a);
        }
        EXPECT_NEAR(sum, 1, 1e-12);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, AppliedPolicyTest,
                         ::testing::Values(Case{"dr"}, Case{"dr, two arms", Score::kDr, 2}, Case{"ipw", Score::kIpw},
                                           Case{"cipw", Score::kCipw, 4}, Case{"snips", Score::kSnips},
                                           Case{"bounded", Score::kDr, 3, 0.3},
                                           Case{"fixed baseline", Score::kCipw, 3, 1, false, false, true},
                                           Case{"shared constraints", Score::kDr, 3, 1, true},
                                           Case{"constraints, ipw", Score::kIpw, 3, 1, true},
                                           Case{"deterministic", Score::kDr, 2, 1, false, true}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           for (char& c : name) {
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace gimbal::policy
