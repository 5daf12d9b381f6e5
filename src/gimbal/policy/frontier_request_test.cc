#include "gimbal/policy/frontier_request.h"

#include <gmock/gmock.h>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/random.h"

namespace gimbal::policy {
namespace {

using ::testing::HasSubstr;

constexpr const char* kP1 = "id,e_0,e_1,mu_0,mu_1,var_0,var_1\nu1,0.6,0.4,1,2,1,2\nu2,0.6,0.4,1,1.5,1,1\n";

class FrontierRequestTest : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(write_atomic(path(name), text));
    return path(name);
  }
  // A frontier document with its inputs named relative to its own folder.
  std::string document(LoadedFrontier loaded) const {
    for (InputFile& file : loaded.inputs) file.path = std::filesystem::path(file.path).filename().string();
    loaded.request.nuisances = std::filesystem::path(loaded.request.nuisances).filename().string();
    const auto solved = solve_document(loaded);
    EXPECT_TRUE(solved) << solved.error().text();
    JsonWriter json;
    json.begin_object().field("schema", kFrontierSchema);
    write_frontier_fields(json, *solved);
    json.end_object();
    return write("frontier.json", json.text());
  }
  static std::string error_of(const Result<LoadedFrontier>& result, int code = 2) {
    if (result) return "no error";
    EXPECT_EQ(exit_code(result.error().code), code) << result.error().text();
    return result.error().text();
  }
  FrontierRequest p1() const {
    FrontierRequest request;
    request.nuisances = write("p1.csv", kP1);
    request.score = Score::kIpw;
    request.n_test = 199;
    return request;
  }

  TemporaryFolder folder_ = *TemporaryFolder::create();
};

std::string text_of(const FrontierRequest& request) {
  JsonWriter json;
  request.write(json);
  return json.take();
}

TEST_F(FrontierRequestTest, IsReadBackAsItWasWritten) {
  FrontierRequest full;
  full.model = "a b.json";
  full.population = "new.csv";
  full.baseline = "arm:x";
  full.cluster = "village";
  full.minimize = true;
  full.score = Score::kSnips;
  full.c0 = 0.25;
  full.points = 7;
  full.n_test = 1000;
  full.alpha = 0.1;
  full.side = Side::kOne;
  full.curve = CurveKind::kPlugin;
  full.deterministic = true;
  full.limits.capacities = {{"x", 0.3}};
  full.at = {"max-z", "power:0.9"};
  full.unknown = data::UnknownCategory::kMissing;
  full.seed = ~std::uint64_t{0};
  for (const FrontierRequest& request : {FrontierRequest(), full}) {
    const std::string text = text_of(request);
    const auto read = FrontierRequest::read(*JsonView::parse(text, "options"));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(text_of(*read), text);
  }
}

TEST_F(FrontierRequestTest, LoadsATableAndFillsInWhatWasNotGiven) {
  const auto loaded = load_frontier(p1());
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->request.baseline, "logging");
  EXPECT_EQ(*loaded->frontier->model().table().ids, (std::vector<std::string>{"u1", "u2"}));
  // The mean of sum_a e_a mu_a, since the table has no outcomes.
  EXPECT_NEAR(loaded->c0, 1.3, 1e-15);
  ASSERT_EQ(loaded->inputs.size(), 1u);
  EXPECT_EQ(loaded->inputs[0].role, "nuisances");
  EXPECT_EQ(loaded->inputs[0].sha256, *sha256_file(path("p1.csv")));
  const auto rule = parse_select_rule("power:0.8");
  const auto choice = loaded->frontier->choose(*rule, CurveKind::kPlugin);
  ASSERT_TRUE(choice);
  EXPECT_NEAR(choice->lambda, 13.0248171, 1e-6);  // P1 of docs/policy.md
}

TEST_F(FrontierRequestTest, CentresAtTheWeightedMeanOfTheOutcomes) {
  FrontierRequest request;
  request.nuisances = write(
      "y.csv", "weight,e_0,e_1,mu_0,mu_1,var_0,var_1,a,y\n1,.5,.5,1,2,1,1,0,4\n3,.5,.5,1,2,1,1,1,8\n2,.5,.5,1,3,1,1,1,8\n");
  const auto loaded = load_frontier(request);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_NEAR(loaded->c0, (4 + 24 + 16) / 6.0, 1e-12);
  EXPECT_TRUE(loaded->frontier->has_honest());
}

TEST_F(FrontierRequestTest, TakesTheTablesOwnBaselineUnlessAnotherIsGiven) {
  FrontierRequest request;
  request.nuisances = write("b.csv", "e_0,e_1,mu_0,mu_1,var_0,var_1,b_0,b_1\n.6,.4,1,2,1,2,1,0\n.6,.4,1,1.5,1,1,1,0\n");
  const auto own = load_frontier(request);
  ASSERT_TRUE(own) << own.error().text();
  EXPECT_EQ(own->request.baseline, "columns:b_");
  request.baseline = "logging";
  const auto logging = load_frontier(request);
  ASSERT_TRUE(logging);
  const auto all = [](const LoadedFrontier& loaded) {
    return (*loaded.frontier->points(std::vector{kInfinity}, 1))[0].moments.tau;
  };
  EXPECT_NEAR(all(*own), .75, 1e-12);  // arm 1 for everyone against arm 0 for everyone
  EXPECT_NEAR(all(*logging), .45, 1e-12);
}

TEST_F(FrontierRequestTest, NeedsExactlyOneOfModelAndTable) {
  EXPECT_EQ(error_of(load_frontier({})), "MODEL: give either a model file or --nuisances TABLE");
  FrontierRequest both = p1();
  both.model = "model.json";
  EXPECT_EQ(error_of(load_frontier(both)), "MODEL: give either a model file or --nuisances TABLE");
}

TEST_F(FrontierRequestTest, RefusesAPopulationWithOtherArms) {
  FrontierRequest request = p1();
  request.population = write("other.csv", "e_0,e_2,mu_0,mu_2,var_0,var_2\n.6,.4,1,2,1,2\n");
  EXPECT_THAT(error_of(load_frontier(request)), HasSubstr("the population's arms (0, 2) are not those of"));
}

TEST_F(FrontierRequestTest, RefusesALevelThatNobodyHas) {
  FrontierRequest request;
  request.nuisances = write("t.csv", "town,e_0,e_1,mu_0,mu_1,var_0,var_1\nnorth,.6,.4,1,2,1,2\nsouth,.6,.4,1,1.5,1,1\n");
  request.limits.forbids = {{"1", "town", "norht"}};
  EXPECT_EQ(error_of(load_frontier(request)),
            "--forbid: no unit has \"norht\" in the column \"town\"; did you mean \"north\"?");
  request.limits.forbids = {{"1", "town", "north"}};
  const auto loaded = load_frontier(request);
  ASSERT_TRUE(loaded) << loaded.error().text();
  const auto points = loaded->frontier->points(std::vector{kInfinity}, 1);
  ASSERT_TRUE(points);
  const auto pi = loaded->frontier->probabilities((*points)[0]);
  EXPECT_EQ((*pi)(0, 1), 0);
  EXPECT_EQ((*pi)(1, 1), 1);
}

TEST_F(FrontierRequestTest, BuildsTheSameFrontierFromItsDocument) {
  const auto loaded = load_frontier(p1());
  ASSERT_TRUE(loaded);
  const auto again = load_frontier_document(document(*loaded));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->frontier->lambda_max_z(), loaded->frontier->lambda_max_z());
  EXPECT_EQ(again->request.n_test, 199);
  EXPECT_EQ(again->request.score, Score::kIpw);
  EXPECT_EQ(again->c0, loaded->c0);
}

TEST_F(FrontierRequestTest, NoticesAnInputThatHasChanged) {
  const auto loaded = load_frontier(p1());
  ASSERT_TRUE(loaded);
  const std::string file = document(*loaded);
  write("p1.csv", std::string(kP1) + "u3,0.6,0.4,1,1.5,1,1\n");
  EXPECT_THAT(
      error_of(load_frontier_document(file)),
      HasSubstr("p1.csv: the file has changed since the frontier was computed: expected sha256 " + loaded->inputs[0].sha256));
  std::filesystem::remove(path("p1.csv"));
  EXPECT_THAT(error_of(load_frontier_document(file)), HasSubstr("no such file; it is the nuisance table of this frontier"));
}

TEST_F(FrontierRequestTest, RefusesDocumentsThatItDoesNotKnow) {
  const auto loaded = load_frontier(p1());
  ASSERT_TRUE(loaded);
  const std::string text = *read_file(document(*loaded));
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return error_of(load_frontier_document(write("changed.json", other)));
  };
  EXPECT_THAT(changed("frontier/1", "frontier/2"),
              HasSubstr("expected the version \"gimbal.policy.frontier/1\", found \"gimbal.policy.frontier/2\""));
  EXPECT_THAT(changed("gimbal.policy.frontier/1", "gimbal.policy.model/1"),
              HasSubstr("expected a frontier (`gimbal policy frontier -o`), found a model"));
  EXPECT_THAT(changed("\"n_units\"", "\"units\""), HasSubstr("unknown key \"units\""));
  EXPECT_THAT(changed("\"deterministic\"", "\"determined\""), HasSubstr("options: unknown key \"determined\""));
  EXPECT_THAT(error_of(load_frontier_document(write("torn.json", text.substr(0, 100)))), HasSubstr("torn.json:1:101"));
}

TEST_F(FrontierRequestTest, LooksForInputsHereThenBesideTheDocument) {
  const std::string here = "gimbal_frontier_request_test_absent.csv";
  EXPECT_EQ(locate_input(here, folder_.path().string()), here);  // nowhere: as given, for the message
  const std::string beside = write(here, "x\n");
  EXPECT_EQ(locate_input(here, folder_.path().string()), beside);
  EXPECT_EQ(locate_input(beside, "/elsewhere"), beside);  // absolute
  EXPECT_EQ(locate_input(here, ""), here);
  // Where both exist the one with the recorded hash is taken. Tests run in the repository's root.
  const std::string readme = write("README.md", "not the repository's\n");
  EXPECT_EQ(locate_input("README.md", folder_.path().string(), *sha256_file(readme)), readme);
  EXPECT_EQ(locate_input("README.md", folder_.path().string(), *sha256_file("README.md")), "README.md");
  EXPECT_EQ(locate_input("README.md", folder_.path().string()), "README.md");
}

// 200 units of three arms without outcomes.
std::string three_arms() {
  Stream stream(5, "policy.test_document");
  std::string table = "e_0,e_1,e_2,mu_0,mu_1,mu_2,var_0,var_1,var_2\n";
  for (int i = 0; i < 200; ++i) {
    const double e = .2 + .2 * stream.uniform();
    table +=
        fmt::format("{},{},{},{},{},{},1,2,1\n", e, .3, 1 - e - .3, stream.normal(), .5 + stream.normal(), stream.normal());
  }
  return table;
}

TEST_F(FrontierRequestTest, TheSolverOfSharedConstraintsCountsItsPointsAndHearsAStop) {
  FrontierRequest request = p1();
  request.nuisances = write("units.csv", three_arms());
  request.limits.capacities = {{"1", .4}};
  request.n_test = 50;
  request.points = 21;
  const auto loaded = load_frontier(request);
  ASSERT_TRUE(loaded) << loaded.error().text();
  std::stop_source source;
  SolveHooks hooks;
  hooks.stop = source.get_token();
  std::size_t done = 0;
  hooks.point_done = [&] {
    if (++done == 5) source.request_stop();
  };
  const auto stopped = solve_document(*loaded, hooks);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_LE(done, 21u);  // targets that are known already need no solving, so a few more may be counted
  const auto refused = loaded->frontier->choose(*parse_select_rule("lcb:1"), CurveKind::kPlugin, hooks);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInterrupted);
  // To the end: the grid and the printed points, max-z and max-tau among them.
  done = 0;
  hooks.stop = {};
  hooks.point_done = [&] { ++done; };
  const auto solved = solve_document(*loaded, hooks);
  ASSERT_TRUE(solved);
  EXPECT_EQ(document_steps(*loaded), 2 * 21u + 2);
  EXPECT_NEAR(static_cast<double>(done), 2 * 21 + 2, 2);  // two targets of the grid may share a point
  // A grid that is known is not solved, nor counted, again.
  done = 0;
  const std::size_t before = loaded->frontier->solved();
  ASSERT_TRUE(loaded->frontier->grid(hooks));
  EXPECT_EQ(done, 0u);
  EXPECT_EQ(loaded->frontier->solved(), before);
}

TEST_F(FrontierRequestTest, ChoosingOnTheMonotonePlugInCurveNeedsNoGrid) {
  FrontierRequest request = p1();
  request.nuisances = write("units.csv", three_arms());
  request.limits.capacities = {{"1", .4}};
  request.n_test = 50;
  const auto full = load_frontier(request);
  ASSERT_TRUE(full) << full.error().text();
  const auto again = load_frontier_document(document(*full));
  ASSERT_TRUE(again) << again.error().text();
  for (const char* text : {"power:0.8", "tau:0.2"}) {
    const SelectRule rule = *parse_select_rule(text);
    const auto fresh = load_frontier(request);
    ASSERT_TRUE(fresh);
    const auto chosen = fresh->frontier->choose(rule, CurveKind::kPlugin);
    const auto expected = again->frontier->choose(rule, CurveKind::kPlugin);
    ASSERT_TRUE(chosen && expected) << text;
    EXPECT_TRUE(chosen->reached) << text;
    EXPECT_NEAR(chosen->lambda, expected->lambda, 3e-9 * expected->lambda) << text;  // both to the tolerance of a border
    EXPECT_LE(fresh->frontier->solved(), 60u) << text;                               // a grid of 101 points takes 100 and more
  }
}

TEST_F(FrontierRequestTest, NamesAUnitByItsId) {
  FrontierRequest request = p1();
  request.nuisances = write("named.csv", "id,e_0,e_1,mu_0,mu_1,var_0,var_1\nanna,.5,.5,1,2,1,1\nbert,.5,.5,1,2,1,1\n");
  request.limits.floors = {{"0", .7}, {"1", .6}};
  const auto loaded = load_frontier(request);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().message, HasSubstr("for unit \"anna\": the lower bounds"));
}

// With a capacity that takes hold on the way.
TEST_F(FrontierRequestTest, ChoosingOnAConstrainedDocumentSolvesAroundTheAnswerOnly) {
  FrontierRequest request = p1();
  request.nuisances = write("units.csv", three_arms());
  request.limits.capacities = {{"1", .4}};
  request.n_test = 50;
  const auto full = load_frontier(request);
  ASSERT_TRUE(full) << full.error().text();
  const auto again = load_frontier_document(document(*full));
  ASSERT_TRUE(again) << again.error().text();
  for (const char* text : {"power:0.8", "max-z", "tau:0.2", "lambda:3"}) {
    const SelectRule rule = *parse_select_rule(text);
    const auto expected = full->frontier->choose(rule, CurveKind::kPlugin);
    const std::size_t before = again->frontier->solved();
    const auto chosen = again->frontier->choose(rule, CurveKind::kPlugin);
    ASSERT_TRUE(expected && chosen) << text;
    EXPECT_TRUE(chosen->reached) << text << chosen->why;
    EXPECT_NEAR(chosen->lambda, expected->lambda, 3e-9 * expected->lambda) << text;
    EXPECT_LE(again->frontier->solved() - before, 15u) << text;
  }
}

TEST_F(FrontierRequestTest, WritesOnePointOnALineOfItsCsv) {
  FrontierRequest request = p1();
  request.at = {"lambda:2", "lambda:inf"};
  const auto loaded = load_frontier(request);
  ASSERT_TRUE(loaded);
  const auto solved = solve_document(*loaded);
  ASSERT_TRUE(solved);
  const std::string csv = frontier_csv(*solved);
  EXPECT_THAT(csv, HasSubstr("at,lambda,tau,se,z,power,n_required,tau_honest,se_honest,z_honest,power_honest,tau_honest_low,"
                             "tau_honest_high,ess,max_weight,share_0,share_1\n"));
  EXPECT_THAT(csv, HasSubstr("\nlambda:2,2,0.0763636"));
  EXPECT_THAT(csv, HasSubstr("\nlambda:inf,,0.4"));  // infinity is an empty cell
}

}  // namespace
}  // namespace gimbal::policy
