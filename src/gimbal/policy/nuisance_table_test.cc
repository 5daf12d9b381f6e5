#include "gimbal/policy/nuisance_table.h"

#include "gimbal/base/file.h"
#include "gimbal/base/random.h"

namespace gimbal::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

NuisanceTable must(std::string_view text, const NuisanceReadOptions& options = {}) {
  auto result = parse_nuisance_table(text, "t.csv", options);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().text());
  return result ? *std::move(result) : NuisanceTable{};
}

Error refused(std::string_view text, const NuisanceReadOptions& options = {}) {
  const auto result = parse_nuisance_table(text, "t.csv", options);
  EXPECT_FALSE(result.has_value());
  return result ? Error{} : result.error();
}

TEST(NuisanceTable, ReadsTheExampleOfTheFormat) {
  const NuisanceTable table = must("id,e_0,e_1,mu_0,mu_1,var_0,var_1\nu1,0.6,0.4,1,2,1,2\nu2,0.6,0.4,1,1.5,1,1\n");
  EXPECT_THAT(table.id, ElementsAre("u1", "u2"));
  EXPECT_THAT(table.table.arms, ElementsAre("0", "1"));
  EXPECT_EQ(table.table.units(), 2u);
  EXPECT_EQ(table.table.e(0, 1), 0.4);
  EXPECT_EQ(table.table.mu(1, 1), 1.5);
  EXPECT_EQ(table.table.var(0, 1), 2);
  EXPECT_TRUE(table.table.b.empty());
  EXPECT_TRUE(table.table.weight.empty());
  EXPECT_FALSE(table.logged.has_value());
  EXPECT_EQ(table.full_table().mu(0, 1), 2);
}

TEST(NuisanceTable, FindsColumnsByNameAndArmsInFileOrder) {
  const NuisanceTable table = must(
      "var_B x,note,mu_B x,mu_A,e_A,e_B x,var_A,b_A,b_B x,weight,y,a,full_mu_A,full_mu_B x,full_var_A,full_var_B x,village\n"
      "4,hello,2,1,0.25,0.75,3,1,0,2,7,B x,10,20,30,40,north\n"
      "4,\"a, b\",2,1,0.25,0.75,3,0,1,0,-7,A,10,20,30,40,south\n",
      {.cluster_column = "village"});
  EXPECT_THAT(table.table.arms, ElementsAre("B x", "A"));
  EXPECT_EQ(table.table.e(0, 0), 0.75);
  EXPECT_EQ(table.table.var(0, 1), 3);
  EXPECT_EQ(table.table.b(1, 0), 1);
  EXPECT_THAT(table.table.weight, ElementsAre(2, 0));
  ASSERT_TRUE(table.logged.has_value());
  EXPECT_THAT(table.logged->action, ElementsAre(0, 1));
  EXPECT_THAT(table.logged->outcome, ElementsAre(7, -7));
  EXPECT_THAT(table.logged->cluster, ElementsAre(0, 1));
  EXPECT_EQ(table.full_table().mu(0, 0), 20);
  EXPECT_EQ(table.full_table().var(1, 1), 30);
}

TEST(NuisanceTable, NegatesOutcomesThatAreToBeMadeSmall) {
  const NuisanceTable table =
      must("e_0,e_1,mu_0,mu_1,var_0,var_1,y,a\n.5,.5,1,2,3,4,5,1\n", {.cluster_column = "", .minimize = true});
  EXPECT_EQ(table.table.mu(0, 1), -2);
  EXPECT_EQ(table.table.var(0, 1), 4);
  EXPECT_THAT(table.y, ElementsAre(-5));
}

TEST(NuisanceTable, IsWrittenWithOutcomesAsTheyAre) {
  const std::string text =
      "e_0,e_1,mu_0,mu_1,var_0,var_1,y,a,full_mu_0,full_mu_1,full_var_0,full_var_1\n0.5,0.5,0,2,3,4,5,1,6,-7,8,9\n";
  EXPECT_EQ(format_nuisance_table(must(text, {.cluster_column = "", .minimize = true}), true), text);
}

TEST(NuisanceTable, RefusesNumbersWhoseSquaresWouldOverflow) {
  EXPECT_THAT(refused("e_0,e_1,mu_0,mu_1,var_0,var_1\n.5,.5,1,-1e300,1,1\n").text(),
              HasSubstr("t.csv:2:4: prediction \"mu_1\" must lie within -1e+70 and 1e+70, found \"-1e+300\""));
}

TEST(NuisanceTable, KeepsOutcomesWithoutActionsForTheCentreOfCipw) {
  const NuisanceTable table = must("e_0,e_1,mu_0,mu_1,var_0,var_1,y\n.5,.5,1,2,3,4,5\n");
  EXPECT_THAT(table.y, ElementsAre(5));
  EXPECT_FALSE(table.logged.has_value());
}

TEST(NuisanceTable, NamesFileLineAndColumnOfBadCells) {
  Error error = refused("e_0,e_1,mu_0,mu_1,var_0,var_1\n.5,.5,1,2,1,1\n.5,.5,1,NA,1,1\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:3:4: prediction \"mu_1\" must be a finite number, found \"NA\""));
  error = refused("e_0,e_1,mu_0,mu_1,var_0,var_1\n.5,.5,1,2,1,1\n.5,.4,1,2,1,1\n1.5,-.5,1,2,1,1\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:3: propensity must lie in [0, 1] and sum to 1, found 0.5, 0.4 (sum 0.9)"));
  EXPECT_THAT(error.text(), HasSubstr("t.csv:4:"));
  error = refused("e_0,e_1,mu_0,mu_1,var_0,var_1\n.5,.5,1,2,1,-2\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:2:6: \"var_1\" must not be negative, found -2"));
  error = refused("weight,e_0,e_1,mu_0,mu_1,var_0,var_1\n-1,.5,.5,1,2,1,2\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:2:1: \"weight\" must not be negative, found -1"));
  error = refused("e_0,e_1,mu_0,mu_1,var_0,var_1,y,a\n.5,.5,1,2,1,2,3,blue\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:2:8: unknown arm \"blue\"; the arms are those of the mu_ columns: 0, 1"));
  error = refused("e_0,e_1,mu_0,mu_1,var_0,var_1,y,a\n1,0,1,2,1,2,3,1\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:2:8: the arm \"1\" was given although its propensity \"e_1\" is 0"));
  error = refused("id,e_0,e_1,mu_0,mu_1,var_0,var_1\nu7,.5,.5,1,2,1,2\nu7,.5,.5,1,2,1,2\n");
  EXPECT_THAT(error.text(), HasSubstr("t.csv:3:1: id \"u7\" stands already in line 2"));
}

TEST(NuisanceTable, NamesMissingColumnsAndTooFewArms) {
  EXPECT_THAT(refused("e_0,e_1,mu_0,mu_1,var_0\n.5,.5,1,2,1\n").text(), HasSubstr("\"var_1\""));
  EXPECT_THAT(refused("e_0,mu_0,var_0\n1,1,2\n").text(), HasSubstr("found 1 column that begins with mu_: mu_0"));
  EXPECT_THAT(refused("x\n1\n").text(), HasSubstr("at least two arms"));
  EXPECT_THAT(refused("e_0,e_1,mu_0,mu_1,var_0,var_1,full_mu_0,full_mu_1\n.5,.5,1,2,1,1,1,1\n").text(),
              HasSubstr("belong together"));
  EXPECT_THAT(refused("e_0,e_1,mu_0,mu_1,var_0,var_1,b_1\n.5,.5,1,2,1,1,1\n").text(), HasSubstr("\"b_0\""));
  EXPECT_THAT(refused("weight,e_0,e_1,mu_0,mu_1,var_0,var_1\n0,.5,.5,1,2,1,1\n").text(),
              HasSubstr("at least one weight must be above 0"));
}

TEST(NuisanceTable, RefusesABaselineOnImpossibleArmsWithTheCount) {
  const Error error = refused("e_0,e_1,mu_0,mu_1,var_0,var_1,b_0,b_1\n1,0,1,2,1,1,0,1\n.5,.5,1,2,1,1,0,1\n1,0,1,2,1,1,.5,.5\n");
  EXPECT_EQ(error.code, ErrorCode::kNotIdentified);
  EXPECT_THAT(error.text(), HasSubstr("2 of 3 units"));
}

TEST(NuisanceTable, ListsTwentyBadCellsAndCountsTheRest) {
  std::string text = "e_0,e_1,mu_0,mu_1,var_0,var_1\n";
  for (int i = 0; i < 25; ++i) text += ".5,.5,1,x,1,1\n";
  EXPECT_THAT(refused(text).text(), HasSubstr("... and 5 more"));
}

TEST(NuisanceTable, WritesWhatItReadsBackBitForBit) {
  Stream stream(0, "policy.test.nuisance_table");
  NuisanceTable table;
  const std::size_t n = 200;
  table.table.arms = {"No E-Mail", "Mens, \"big\"", "c"};
  table.table.e = Matrix(n, 3),
  table.table.mu = table.table.var = table.table.b = table.full_mu = table.full_var = Matrix(n, 3);
  table.logged = Logged{};
  for (std::size_t i = 0; i < n; ++i) {
    table.id.push_back("u" + std::to_string(i));
    table.table.weight.push_back(stream.exponential());
    table.table.e(i, 0) = 0.25, table.table.e(i, 1) = 0.5, table.table.e(i, 2) = 0.25;
    table.table.b(i, i % 3) = 1;
    for (std::size_t a = 0; a < 3; ++a) {
      table.table.mu(i, a) = stream.normal() * 1e-5;
      table.table.var(i, a) = stream.exponential() * 1e7;
      table.full_mu(i, a) = stream.normal();
      table.full_var(i, a) = stream.exponential();
    }
    table.logged->action.push_back(static_cast<int>(stream.below(3)));
    table.logged->outcome.push_back(stream.normal());
  }
  const auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const std::string path = folder->path() / "table.csv.gz";
  ASSERT_TRUE(write_nuisance_table(path, table));
  const auto back = read_nuisance_table(path);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->id, table.id);
  EXPECT_EQ(back->table.arms, table.table.arms);
  EXPECT_EQ(back->table.e, table.table.e);
  EXPECT_EQ(back->table.mu, table.table.mu);
  EXPECT_EQ(back->table.var, table.table.var);
  EXPECT_EQ(back->table.b, table.table.b);
  EXPECT_EQ(back->table.weight, table.table.weight);
  EXPECT_EQ(back->full_mu, table.full_mu);
  EXPECT_EQ(back->full_var, table.full_var);
  EXPECT_EQ(back->logged->action, table.logged->action);
  EXPECT_EQ(back->logged->outcome, table.logged->outcome);
  EXPECT_EQ(format_nuisance_table(*back), format_nuisance_table(table));
}

TEST(NuisanceTable, CarriesItsClusters) {
  const std::string text =
      "e_0,e_1,mu_0,mu_1,var_0,var_1,y,a,village\n.5,.5,1,2,1,1,3,1,x\n.5,.5,1,2,1,1,3,0,y\n.5,.5,1,2,1,1,3,0,x\n";
  const NuisanceTable table = must(text, {.cluster_column = "village"});
  const std::string written = format_nuisance_table(table);
  EXPECT_THAT(written, ::testing::StartsWith("e_0,e_1,mu_0,mu_1,var_0,var_1,y,a,cluster\n"));
  EXPECT_THAT(must(written, {.cluster_column = "cluster"}).logged->cluster, ElementsAre(0, 1, 0));
  EXPECT_TRUE(must(written).logged->cluster.empty());  // clusters count when they are named
  EXPECT_THAT(refused(text, {.cluster_column = "vilage"}).text(), HasSubstr("--cluster"));
}

TEST(NuisanceTable, WritesShortestNumbersInAFixedColumnOrder) {
  const NuisanceTable table = must("a,y,var_0,var_1,mu_0,mu_1,e_0,e_1\n1,3.0,1e0,2,1.50,-0.25,0.5,.5\n");
  EXPECT_EQ(format_nuisance_table(table), "e_0,e_1,mu_0,mu_1,var_0,var_1,y,a\n0.5,0.5,1.5,-0.25,1,2,3,1\n");
}

}  // namespace
}  // namespace gimbal::policy
