#include "gimbal/policy/evaluate.h"

#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"
#include "gimbal/data/csv.h"
#include "gimbal/policy/evaluate_document.h"
#include "support/test_data.h"

namespace gimbal::policy {
namespace {

// The eight-row worked example of docs/policy.md.
struct Example {
  Logged logged;
  Matrix pi, e, mu, arm0;

  Example() : pi(8, 2), e(8, 2), mu(8, 2), arm0(8, 2) {
    const std::vector<double> e1 = {.5, .5, .4, .4, .3, .3, .5, .4}, pi1 = {1, 1, .5, .5, .3, .3, .2, .9};
    const std::vector<double> mu0 = {1, 1, 1.5, 1.5, .5, .5, 1, 1}, mu1 = {2, 2, 2, 2, 3, 3, 1, 1.5};
    for (std::size_t i = 0; i < 8; ++i) {
      e(i, 0) = 1 - e1[i], e(i, 1) = e1[i];
      pi(i, 0) = 1 - pi1[i], pi(i, 1) = pi1[i];
      mu(i, 0) = mu0[i], mu(i, 1) = mu1[i];
      arm0(i, 0) = 1;
    }
    logged.action = {0, 1, 0, 1, 0, 1, 1, 0};
    logged.outcome = {1, 3, 2, 2, 0, 4, 1, 1};
  }
  TestedPolicy policy(const Matrix* b = nullptr) const {
    TestedPolicy out;
    out.name = "p";
    out.pi = &pi, out.e = &e, out.b = b, out.mu = &mu, out.c0 = 1.5;
    return out;
  }
};

EvaluationSpec two_arms() {
  EvaluationSpec spec;
  spec.arms = {"0", "1"};
  return spec;
}

Evaluation must(const Result<Evaluation>& result) {
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().text());
  return result ? *result : Evaluation{};
}

const Estimate& of(const PolicyEvaluation& policy, Score score) { return *policy.estimates[static_cast<std::size_t>(score)]; }

TEST(Evaluate, ReproducesTheWorkedExampleForBothBaselines) {
  struct Row {
    Score score;
    double tau, se, clustered;
  };
  const std::vector<std::vector<Row>> expected = {{{Score::kIpw, .0916667, .4501653, .3520114},
                                                   {Score::kCipw, .3447917, .1810254, .2333295},
                                                   {Score::kSnips, .4655388, .2174399, .3060233},
                                                   {Score::kDr, .2833333, .1853514, .2405867}},
                                                  {{Score::kIpw, .9666667, 1.0347724, .6283798},
                                                   {Score::kCipw, .9876488, .4231346, .4702892},
                                                   {Score::kSnips, 1.1803276, .4996725, .4987907},
                                                   {Score::kDr, .9059524, .3712702, .4664761}}};
  for (std::size_t baseline = 0; baseline < 2; ++baseline) {
    Example example;
    const TestedPolicy policy = example.policy(baseline == 0 ? nullptr : &example.arm0);
    const auto plain = must(evaluate(example.logged, {}, {{policy}}, two_arms()));
    example.logged.cluster = {1, 1, 2, 2, 3, 3, 4, 4};
    const auto clustered = must(evaluate(example.logged, {}, {{policy}}, two_arms()));
    ASSERT_EQ(plain.policies.size(), 1u);
    EXPECT_EQ(clustered.clusters, 4);
    EXPECT_FALSE(plain.clusters.has_value());
    for (const Row& row : expected[baseline]) {
      SCOPED_TRACE(score_name(row.score));
      EXPECT_NEAR(of(plain.policies[0], row.score).tau, row.tau, 6e-8);  // the table prints seven decimals
      EXPECT_NEAR(of(plain.policies[0], row.score).se, row.se, 6e-8);
      EXPECT_NEAR(of(clustered.policies[0], row.score).tau, row.tau, 6e-8);
      EXPECT_NEAR(of(clustered.policies[0], row.score).se, row.clustered, 6e-8);
    }
    EXPECT_NEAR(plain.policies[0].ess, 5.2367, 5e-5);
    EXPECT_EQ(plain.policies[0].max_weight, 2);
  }
}

TEST(Evaluate, DerivesTheIntervalTheTestAndTheSharesFromTheEstimate) {
  const Example example;
  const auto result = must(evaluate(example.logged, {}, {{example.policy()}}, two_arms()));
  const PolicyEvaluation& policy = result.policies[0];
  const Estimate& dr = of(policy, Score::kDr);
  EXPECT_NEAR(dr.ci_low, dr.tau - 1.959963984540054 * dr.se, 1e-12);
  EXPECT_NEAR(dr.ci_high, dr.tau + 1.959963984540054 * dr.se, 1e-12);
  EXPECT_NEAR(*dr.z, .2833333 / .1853514, 1e-5);
  EXPECT_NEAR(*dr.p, std::erfc(*dr.z / std::sqrt(2.0)), 1e-14);
  EXPECT_NEAR(policy.shares[1], (1 + 1 + .5 + .5 + .3 + .3 + .2 + .9) / 8, 1e-15);
  EXPECT_NEAR(*policy.moved, (.5 + .5 + .1 + .1 + 0 + 0 + .3 + .5) / 8, 1e-15);
  EXPECT_EQ(policy.verdict, Verdict::kInconclusive);
  // Both arms have fewer than 30 units: one remark.
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_EQ(result.warnings[0].code, "few_units_in_arm");
  EXPECT_EQ(result.warnings[0].count, 2);
}

TEST(Evaluate, ReportsTheValuesOfPolicyAndBaselineInTheFamilyOfThePrimaryScore) {
  const Example example;
  EvaluationSpec spec = two_arms();
  const auto dr = must(evaluate(example.logged, {}, {{example.policy()}}, spec)).policies[0];
  EXPECT_NEAR(dr.value.policy - dr.value.baseline, of(dr, Score::kDr).tau, 1e-14);
  spec.primary = Score::kSnips;
  const auto snips = must(evaluate(example.logged, {}, {{example.policy()}}, spec)).policies[0];
  EXPECT_NEAR(snips.value.baseline, 14.0 / 8, 1e-15);  // b = e: every weight is 1, the value is the plain mean
  EXPECT_NEAR(snips.value.policy - snips.value.baseline, of(snips, Score::kSnips).tau, 1e-14);
  spec.minimize = true;
  const auto minimized = must(evaluate(example.logged, {}, {{example.policy()}}, spec)).policies[0];
  EXPECT_EQ(minimized.value.policy, -snips.value.policy);
  EXPECT_EQ(minimized.value.policy_se, snips.value.policy_se);
  EXPECT_EQ(of(minimized, Score::kSnips).tau, of(snips, Score::kSnips).tau);
}

// A random test set with K arms; probabilities bounded away from 0.
struct Random {
  std::size_t n, arms;
  Logged logged;
  Matrix pi, e, b, mu;
  std::vector<double> weight;

  Random(std::size_t n_, std::size_t arms_, int seed) : n(n_), arms(arms_), pi(n, arms), e(n, arms), b(n, arms), mu(n, arms) {
    Stream stream(0, "policy.test.evaluate", seed);
    const auto simplex = [&](Matrix& m, std::size_t i, double floor) {
      double total = 0;
      for (std::size_t a = 0; a < arms; ++a) total += m(i, a) = floor + stream.exponential();
      for (std::size_t a = 0; a < arms; ++a) m(i, a) /= total;
    };
    for (std::size_t i = 0; i < n; ++i) {
      simplex(pi, i, 0);
      simplex(e, i, 0.5);
      simplex(b, i, 0);
      for (std::size_t a = 0; a < arms; ++a) mu(i, a) = stream.normal();
      logged.action.push_back(static_cast<int>(stream.categorical(e.row(i))));
      logged.outcome.push_back(mu(i, static_cast<std::size_t>(logged.action.back())) + stream.normal());
      logged.cluster.push_back(static_cast<std::int64_t>(stream.below(n / 3)));
      weight.push_back(stream.uniform() * 2);
    }
  }
  TestedPolicy policy() const {
    TestedPolicy out;
    out.name = "p";
    out.pi = &pi, out.e = &e, out.b = &b, out.mu = &mu, out.c0 = 0.25;
    return out;
  }
  EvaluationSpec spec() const {
    EvaluationSpec out;
    for (std::size_t a = 0; a < arms; ++a) out.arms.push_back(std::to_string(a));
    return out;
  }
};

void expect_same(const Estimate& x, const Estimate& y, double tolerance) {
  EXPECT_NEAR(x.tau, y.tau, tolerance);
  EXPECT_NEAR(x.se, y.se, tolerance);
}

TEST(Evaluate, AgreesWithTheFormulasWrittenOutPlainly) {
  for (int seed = 0; seed < 20; ++seed) {
    const Random r(60, 2 + static_cast<std::size_t>(seed) % 4, seed);
    const auto result = must(evaluate(r.logged, r.weight, {{r.policy()}}, r.spec())).policies[0];
    double sum_omega = 0, w_y = 0, w_w = 0, b_y = 0, b_w = 0;
    for (std::size_t i = 0; i < r.n; ++i) {
      const auto a = static_cast<std::size_t>(r.logged.action[i]);
      sum_omega += r.weight[i];
      w_w += r.weight[i] * r.pi(i, a) / r.e(i, a);
      w_y += r.weight[i] * r.pi(i, a) / r.e(i, a) * r.logged.outcome[i];
      b_w += r.weight[i] * r.b(i, a) / r.e(i, a);
      b_y += r.weight[i] * r.b(i, a) / r.e(i, a) * r.logged.outcome[i];
    }
    for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr}) {
      std::vector<double> psi(r.n);
      double mean = 0;
      for (std::size_t i = 0; i < r.n; ++i) {
        const auto a = static_cast<std::size_t>(r.logged.action[i]);
        const double y = r.logged.outcome[i], w = (r.pi(i, a) - r.b(i, a)) / r.e(i, a);
        if (score == Score::kIpw) psi[i] = w * y;
        if (score == Score::kCipw) psi[i] = w * (y - 0.25);
        if (score == Score::kSnips)
          psi[i] = w_y / w_w - b_y / b_w + r.pi(i, a) / r.e(i, a) * (y - w_y / w_w) / (w_w / sum_omega) -
                   r.b(i, a) / r.e(i, a) * (y - b_y / b_w) / (b_w / sum_omega);
        if (score == Score::kDr)
          for (std::size_t k = 0; k < r.arms; ++k)
            psi[i] += (r.pi(i, k) - r.b(i, k)) * (r.mu(i, k) + (k == a ? (y - r.mu(i, k)) / r.e(i, k) : 0.0));
        mean += r.weight[i] * psi[i] / sum_omega;
      }
      std::map<std::int64_t, double> groups;
      for (std::size_t i = 0; i < r.n; ++i) groups[r.logged.cluster[i]] += r.weight[i] * (psi[i] - mean);
      double squares = 0;
      for (const auto& [id, value] : groups) squares += value * value;
      const double g = static_cast<double>(groups.size());
      // 1e-12: a few hundred roundings of numbers of size 10.
      expect_same(of(result, score), {mean, std::sqrt(g / (g - 1) * squares) / sum_omega, 0, 0, {}, {}}, 1e-12);
    }
  }
}

TEST(Evaluate, DoesNotDependOnConstantsInTheOutcomeForDrSnipsAndCipw) {
  Random r(200, 3, 1);
  const auto before = must(evaluate(r.logged, r.weight, {{r.policy()}}, r.spec())).policies[0];
  for (double& y : r.logged.outcome) y += 10;
  for (double& m : r.mu.values()) m += 10;
  TestedPolicy shifted = r.policy();
  shifted.c0 += 10;
  const auto after = must(evaluate(r.logged, r.weight, {{shifted}}, r.spec())).policies[0];
  for (const Score score : {Score::kCipw, Score::kSnips, Score::kDr}) expect_same(of(before, score), of(after, score), 1e-12);
  EXPECT_GT(std::fabs(of(before, Score::kIpw).se - of(after, Score::kIpw).se), 0.1);  // the one that does change
}

TEST(Evaluate, ScalesWithTheOutcomeAndKeepsZ) {
  Random r(200, 3, 2);
  const auto before = must(evaluate(r.logged, r.weight, {{r.policy()}}, r.spec())).policies[0];
  for (double& y : r.logged.outcome) y *= 3;
  for (double& m : r.mu.values()) m *= 3;
  TestedPolicy scaled = r.policy();
  scaled.c0 *= 3;
  const auto after = must(evaluate(r.logged, r.weight, {{scaled}}, r.spec())).policies[0];
  for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr}) {
    EXPECT_NEAR(of(after, score).tau, 3 * of(before, score).tau, 1e-12);
    EXPECT_NEAR(*of(after, score).z, *of(before, score).z, 1e-11);
  }
}

TEST(Evaluate, DoesNotDependOnTheOrderOfRowsOrArms) {
  const Random r(120, 3, 3);
  const auto before = must(evaluate(r.logged, r.weight, {{r.policy()}}, r.spec())).policies[0];
  Random s = r;
  const std::vector<std::size_t> rows = Stream(0, "policy.test.permute").permutation(r.n);
  const std::vector<std::size_t> arm_to = {2, 0, 1};
  for (std::size_t i = 0; i < r.n; ++i) {
    for (std::size_t a = 0; a < 3; ++a) {
      s.pi(i, arm_to[a]) = r.pi(rows[i], a), s.e(i, arm_to[a]) = r.e(rows[i], a);
      s.b(i, arm_to[a]) = r.b(rows[i], a), s.mu(i, arm_to[a]) = r.mu(rows[i], a);
    }
    s.logged.action[i] = static_cast<int>(arm_to[static_cast<std::size_t>(r.logged.action[rows[i]])]);
    s.logged.outcome[i] = r.logged.outcome[rows[i]];
    s.logged.cluster[i] = 1000 - r.logged.cluster[rows[i]];  // other ids, same clusters
    s.weight[i] = r.weight[rows[i]];
  }
  const auto after = must(evaluate(s.logged, s.weight, {{s.policy()}}, s.spec())).policies[0];
  for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr})
    expect_same(of(before, score), of(after, score), 1e-12);
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(after.shares[arm_to[a]], before.shares[a], 1e-13);
}

TEST(Evaluate, TreatsDuplicatedRowsOfOneClusterAsOneObservation) {
  // Each row twice inside its own cluster: the clustered SE is that of the single rows.
  const Random r(100, 2, 4);
  Random twice(200, 2, 4);
  for (std::size_t i = 0; i < 200; ++i) {
    const std::size_t from = i / 2;
    for (std::size_t a = 0; a < 2; ++a) {
      twice.pi(i, a) = r.pi(from, a), twice.e(i, a) = r.e(from, a), twice.b(i, a) = r.b(from, a),
                  twice.mu(i, a) = r.mu(from, a);
    }
    twice.logged.action[i] = r.logged.action[from];
    twice.logged.outcome[i] = r.logged.outcome[from];
    twice.logged.cluster[i] = static_cast<std::int64_t>(from);
  }
  Logged single = r.logged;
  single.cluster.clear();
  const auto once = must(evaluate(single, {}, {{r.policy()}}, r.spec())).policies[0];
  const auto doubled = must(evaluate(twice.logged, {}, {{twice.policy()}}, twice.spec())).policies[0];
  for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr})
    expect_same(of(once, score), of(doubled, score), 1e-13);
}

TEST(Evaluate, GivesTheSameBitsForAnyNumberOfThreads) {
  const Random r(20'000, 3, 5);
  std::vector<std::string> texts;
  for (const int threads : {1, 2, 8}) {
    const ThreadLimit limit(threads);
    EvaluationSpec spec = r.spec();
    spec.bootstrap = BootstrapRequest{.draws = 100, .seed = 1};
    JsonWriter out;
    out.begin_object();
    write_evaluation_fields(out, must(evaluate(r.logged, r.weight, {{r.policy()}}, spec)));
    texts.push_back(out.end_object().take());
  }
  EXPECT_EQ(texts[0], texts[1]);
  EXPECT_EQ(texts[0], texts[2]);
}

TEST(Evaluate, NeedsOnlyTheLoggedActionInTheLoggedPropensityMode) {
  const Random r(300, 4, 6);
  std::vector<double> pi_logged, e_logged;
  for (std::size_t i = 0; i < r.n; ++i) {
    const auto a = static_cast<std::size_t>(r.logged.action[i]);
    pi_logged.push_back(r.pi(i, a));
    e_logged.push_back(r.e(i, a));
  }
  TestedPolicy full = r.policy(), thin;
  full.b = nullptr;
  thin.name = "p", thin.c0 = full.c0;
  thin.pi_logged = pi_logged, thin.e_logged = e_logged;
  EvaluationSpec spec = r.spec();
  spec.primary = Score::kSnips;
  const auto with_all = must(evaluate(r.logged, r.weight, {{full}}, spec)).policies[0];
  Logged without_actions = r.logged;
  without_actions.action.clear();
  spec.arms.clear();
  const auto with_little = must(evaluate(without_actions, r.weight, {{thin}}, spec)).policies[0];
  for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips})
    expect_same(of(with_all, score), of(with_little, score), 0);
  EXPECT_EQ(with_little.ess, with_all.ess);
  EXPECT_FALSE(with_little.estimates[static_cast<std::size_t>(Score::kDr)].has_value());
  EXPECT_TRUE(with_little.shares.empty());
  EXPECT_FALSE(with_little.moved.has_value());
  spec.primary = Score::kDr;
  const auto refused = evaluate(without_actions, r.weight, {{thin}}, spec);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
  EXPECT_THAT(refused.error().text(), ::testing::HasSubstr("dr needs predictions"));
  thin.b = &r.b;
  EXPECT_EQ(evaluate(without_actions, r.weight, {{thin}}, spec).error().where, "--baseline");
}

TEST(Evaluate, ReproducesTheUniformPolicyOnTheLogOfABandit) {
  GIMBAL_TEST_DATA(log_path, "policy/open_bandit/men_bts.csv.gz");
  GIMBAL_TEST_DATA(uniform_path, "policy/open_bandit/men_random.csv.gz");
  const auto log = data::read_table(log_path), uniform_log = data::read_table(uniform_path);
  ASSERT_TRUE(log) << log.error().text();
  ASSERT_TRUE(uniform_log) << uniform_log.error().text();
  Logged logged;
  logged.outcome = log->find("click")->numbers;
  const std::vector<double> uniform(log->rows(), 1.0 / 34);
  TestedPolicy policy;
  policy.name = "uniform";
  policy.pi_logged = uniform, policy.e_logged = log->find("propensity_score")->numbers;
  EvaluationSpec spec;
  spec.primary = Score::kSnips;
  const auto result = must(evaluate(logged, {}, {{policy}}, spec));
  const PolicyEvaluation& found = result.policies[0];
  EXPECT_NEAR(found.value.policy, .0031894, 5e-8);
  EXPECT_NEAR(found.value.policy_se, .0008279, 5e-8);
  EXPECT_NEAR(found.ess, 655.7, 0.05);
  EXPECT_NEAR(found.max_weight, 178.25, 0.005);
  EXPECT_TRUE(found.poor_overlap);
  // The click rate that the uniform policy had when it really ran: 46 of 10,000.
  double clicks = 0;
  for (const double click : uniform_log->find("click")->numbers) clicks += click;
  EXPECT_EQ(clicks, 46);
  EXPECT_NEAR(found.value.policy, clicks / 10'000, 1.96 * found.value.policy_se);
}

TEST(Evaluate, HasNoTestWhenThePolicyIsTheBaseline) {
  const Random r(100, 3, 7);
  TestedPolicy same = r.policy();
  Matrix nearly = r.b;
  nearly(3, 1) += 3e-16;  // the rounding of a policy file
  same.pi = &nearly;
  const auto result = must(evaluate(r.logged, r.weight, {{same}}, r.spec()));
  for (const auto& estimate : result.policies[0].estimates) {
    EXPECT_EQ(estimate->tau, 0);
    EXPECT_EQ(estimate->se, 0);
    EXPECT_FALSE(estimate->z.has_value());
    EXPECT_FALSE(estimate->p.has_value());
  }
  EXPECT_EQ(result.policies[0].verdict, Verdict::kInconclusive);
  EXPECT_FALSE(result.policies[0].p_adjusted.has_value());
  EXPECT_EQ(result.warnings.back().code, "no_variation");
}

// Policies that are clearly good, clearly bad, and nearly the baseline, on one test set.
struct Family {
  Random r{4000, 2, 8};
  Matrix good, bad, slight;
  Family() : good(4000, 2), bad(4000, 2), slight(4000, 2) {
    for (std::size_t i = 0; i < r.n; ++i) {
      const std::size_t best = r.mu(i, 1) > r.mu(i, 0) ? 1 : 0;
      good(i, best) = bad(i, 1 - best) = 1;
      for (std::size_t a = 0; a < 2; ++a) slight(i, a) = r.b(i, a);
      if (i < 50) slight(i, 0) = r.b(i, 1), slight(i, 1) = r.b(i, 0);
    }
  }
  std::vector<TestedPolicy> policies() const {
    std::vector<TestedPolicy> out(3, r.policy());
    out[0].name = "good", out[0].pi = &good;
    out[1].name = "bad", out[1].pi = &bad;
    out[2].name = "slight", out[2].pi = &slight;
    return out;
  }
};

TEST(Evaluate, JudgesSeveralPoliciesByAdjustedPValues) {
  const Family family;
  EvaluationSpec spec = family.r.spec();
  const auto holm = must(evaluate(family.r.logged, {}, family.policies(), spec));
  EXPECT_EQ(holm.policies[0].verdict, Verdict::kBetter);
  EXPECT_EQ(holm.policies[1].verdict, Verdict::kWorse);
  EXPECT_EQ(holm.policies[2].verdict, Verdict::kInconclusive);
  EXPECT_FALSE(holm.all_better());
  // "slight" has the largest p, so Holm leaves it; the two others are multiplied by 3 and 2.
  EXPECT_NEAR(*holm.policies[2].p_adjusted, *of(holm.policies[2], Score::kDr).p, 1e-15);
  spec.adjust = Adjust::kFixedSequence;
  auto order = family.policies();
  std::swap(order[0], order[2]);
  const auto fixed = must(evaluate(family.r.logged, {}, order, spec));
  EXPECT_EQ(fixed.policies[0].name, "slight");
  for (const auto& policy : fixed.policies) EXPECT_EQ(policy.verdict, Verdict::kInconclusive);  // the first one failed
  spec.adjust = Adjust::kNone;
  spec.side = Side::kOne;
  const auto one_sided = must(evaluate(family.r.logged, {}, family.policies(), spec));
  EXPECT_EQ(one_sided.policies[0].verdict, Verdict::kBetter);
  EXPECT_EQ(one_sided.policies[1].verdict, Verdict::kInconclusive);  // a one-sided test cannot say "worse"
  EXPECT_GT(*one_sided.policies[1].p_adjusted, 0.999);
}

TEST(Evaluate, ContrastsTwoPoliciesWithTheSecondAsBaseline) {
  const Family family;
  EvaluationSpec spec = family.r.spec();
  spec.contrasts = {{0, 1}, {0, 2}};
  const auto result = must(evaluate(family.r.logged, {}, family.policies(), spec));
  ASSERT_EQ(result.contrasts.size(), 2u);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto& contrast = result.contrasts[k];
    for (const Score score : {Score::kIpw, Score::kCipw, Score::kSnips, Score::kDr}) {
      const double difference = of(result.policies[0], score).tau - of(result.policies[k + 1], score).tau;
      EXPECT_NEAR(contrast.estimates[static_cast<std::size_t>(score)]->tau, difference, 1e-12);
    }
    EXPECT_EQ(contrast.verdict, Verdict::kBetter);
  }
  EXPECT_EQ(result.contrasts[0].against, "bad");
}

TEST(Evaluate, ReportsSubgroupsWithHolmAdjustedPValues) {
  const Family family;
  EvaluationSpec spec = family.r.spec();
  Grouping grouping{.column = "channel", .levels = {"Web", "Phone", "Fax", "Nobody"}, .level_of = {}};
  for (std::size_t i = 0; i < family.r.n; ++i)
    grouping.level_of.push_back(i == 17 ? 2 : i % 10 == 0 ? -1 : static_cast<std::int32_t>(i % 2));
  spec.groupings = {grouping};
  for (const Score score : {Score::kSnips, Score::kDr}) {
    spec.primary = score;
    const auto result = must(evaluate(family.r.logged, {}, family.policies(), spec));
    const auto& groups = result.policies[0].subgroups;
    ASSERT_EQ(groups.size(), 4u);
    // A level is evaluated as a test set of its own.
    Random part(family.r.n, 2, 8);
    Logged logged;
    Matrix pi(static_cast<std::size_t>(groups[0].n), 2), e = pi, b = pi, mu = pi;
    std::size_t next = 0;
    for (std::size_t i = 0; i < family.r.n; ++i) {
      if (grouping.level_of[i] != 0) continue;
      logged.action.push_back(family.r.logged.action[i]);
      logged.outcome.push_back(family.r.logged.outcome[i]);
      logged.cluster.push_back(family.r.logged.cluster[i]);
      for (std::size_t a = 0; a < 2; ++a) {
        pi(next, a) = family.good(i, a), e(next, a) = family.r.e(i, a), b(next, a) = family.r.b(i, a),
                 mu(next, a) = family.r.mu(i, a);
      }
      ++next;
    }
    TestedPolicy alone = family.r.policy();
    alone.pi = &pi, alone.e = &e, alone.b = &b, alone.mu = &mu;
    EvaluationSpec plain = family.r.spec();
    plain.primary = score;
    const auto expected = must(evaluate(logged, {}, {{alone}}, plain)).policies[0];
    EXPECT_NEAR(*groups[0].tau, of(expected, score).tau, 1e-14);
    EXPECT_NEAR(*groups[0].se, of(expected, score).se, 1e-14);
    EXPECT_GE(*groups[0].p_adjusted, *groups[0].p);
    EXPECT_EQ(groups[2].n, 1);  // one unit has a mean and nothing else
    EXPECT_TRUE(groups[2].tau.has_value());
    EXPECT_FALSE(groups[2].se.has_value());
    EXPECT_EQ(groups[3].n, 0);
    EXPECT_FALSE(groups[3].tau.has_value());
  }
}

TEST(Evaluate, BootstrapIntervalOfASmoothCaseIsCloseToTheNormalOne) {
  const Random r(3000, 2, 9);
  EvaluationSpec spec = r.spec();
  spec.bootstrap = BootstrapRequest{};
  for (const Score score : {Score::kSnips, Score::kDr}) {
    spec.primary = score;
    const auto policy = must(evaluate(r.logged, r.weight, {{r.policy()}}, spec)).policies[0];
    ASSERT_TRUE(policy.bootstrap.has_value());
    const Estimate& normal = of(policy, score);
    // 2,000 draws place a 2.5 % quantile of t within about .15; 1,000 clusters add little skewness.
    EXPECT_NEAR(policy.bootstrap->ci_low, normal.ci_low, 0.25 * normal.se);
    EXPECT_NEAR(policy.bootstrap->ci_high, normal.ci_high, 0.25 * normal.se);
    EXPECT_EQ(policy.bootstrap->draws, 2000);
  }
}

TEST(Evaluate, WarnsOfPoorOverlap) {
  Random r(400, 2, 10);
  r.logged.cluster.clear();
  const std::size_t given = static_cast<std::size_t>(r.logged.action[5]);
  r.e(5, given) = 0.01, r.e(5, 1 - given) = 0.99;
  r.pi(5, given) = 1, r.pi(5, 1 - given) = 0;
  const auto result = must(evaluate(r.logged, {}, {{r.policy()}}, r.spec()));
  EXPECT_TRUE(result.poor_overlap());
  EXPECT_NEAR(result.policies[0].max_weight, 100, 1e-9);
  ASSERT_FALSE(result.warnings.empty());
  EXPECT_EQ(result.warnings[0].code, "overlap");
  EXPECT_THAT(result.warnings[0].message, ::testing::HasSubstr("largest weight 100"));
  EXPECT_THAT(result.overlap_error()->text(), ::testing::StartsWith("--strict: policy \"p\": poor overlap"));
  EXPECT_EQ(exit_code(result.overlap_error()->code), 3);
}

TEST(Evaluate, RefusesWhatTheDataCannotAnswer) {
  Random r(50, 3, 11);
  TestedPolicy policy = r.policy();
  Matrix e = r.e;
  const std::size_t given = static_cast<std::size_t>(r.logged.action[4]), other = (given + 1) % 3;
  e(4, other) = 0;
  policy.e = &e;
  auto refused = evaluate(r.logged, {}, {{policy}}, r.spec());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNotIdentified);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("1 of 50 units"));
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("first: unit 4"));
  e = r.e;
  e(7, static_cast<std::size_t>(r.logged.action[7])) = 0;
  refused = evaluate(r.logged, {}, {{policy}}, r.spec());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("propensity of the logged action must be above 0"));
  const std::vector<double> none(50, 0.0);
  e = r.e;
  EXPECT_FALSE(evaluate(r.logged, none, {{policy}}, r.spec()));
  Logged one_cluster = r.logged;
  one_cluster.cluster.assign(50, 3);
  refused = evaluate(one_cluster, {}, {{policy}}, r.spec());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInsufficientData);
  EvaluationSpec spec = r.spec();
  spec.alpha = 0.7;
  EXPECT_EQ(evaluate(r.logged, {}, {{policy}}, spec).error().where, "--alpha");
}

TEST(Evaluate, PrintsTheDocumentInItsFixedOrder) {
  const Example example;
  EvaluationSpec spec = two_arms();
  spec.primary = Score::kSnips;
  TestedPolicy policy = example.policy();
  policy.mu = nullptr;
  policy.predicted = Predicted{0.5, std::nullopt, 0.8};
  JsonWriter out;
  out.begin_object();
  write_evaluation_fields(out, must(evaluate(example.logged, {}, {{policy}}, spec)));
  out.end_object();
  const auto view = JsonView::parse(out.text(), "evaluation");
  ASSERT_TRUE(view);
  const auto keys_of = [](const JsonView& object) {
    std::vector<std::string> keys;
    const auto members = object.members();
    for (const auto& [key, value] : *members) keys.push_back(key);
    return keys;
  };
  EXPECT_THAT(keys_of(*view), ::testing::ElementsAre("n", "clusters", "alpha", "side", "baseline", "primary", "adjust",
                                                     "policies", "contrasts"));
  const JsonView first = view->get("policies")->items()->front();
  EXPECT_THAT(keys_of(first), ::testing::ElementsAre("name", "estimates", "bootstrap", "p_adjusted", "verdict", "value",
                                                     "predicted", "shares", "ess", "max_weight", "moved", "subgroups"));
  EXPECT_TRUE(first.get("estimates")->get("dr")->is_null());
  EXPECT_THAT(out.text(), ::testing::HasSubstr(R"("predicted":{"tau":0.5,"tau_honest":null,"power_honest":0.8})"));
}

TEST(Evaluate, SummarizesAPolicyInOneLine) {
  PolicyEvaluation policy;
  policy.name = "policy.json";
  policy.estimates[static_cast<std::size_t>(Score::kDr)] = Estimate{0.0347, 0.0023, 0.0302, 0.0392, 15.0, 1e-40};
  policy.p_adjusted = 1e-40;
  policy.verdict = Verdict::kBetter;
  policy.predicted = Predicted{0.0361, 0.0342, 1.0};
  EXPECT_EQ(
      summary_line(policy, EvaluationSpec{}),
      "policy.json: +0.0347 per unit (95 % CI 0.0302 to 0.0392), p < 1e-9: better than the logging policy; predicted +0.0342");
  policy.verdict = Verdict::kInconclusive;
  policy.predicted.reset();
  EvaluationSpec spec;
  spec.baseline = "arm:No E-Mail";
  EXPECT_EQ(
      summary_line(policy, spec),
      "policy.json: +0.0347 per unit (95 % CI 0.0302 to 0.0392), p < 1e-9: inconclusive against \"No E-Mail\" for everyone");
}

}  // namespace
}  // namespace gimbal::policy
