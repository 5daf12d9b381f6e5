#include "gimbal/cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/check.h"
#include "gimbal/cli/command.h"
#include "gimbal/cli/standard_options.h"

namespace gimbal::cli {
namespace {

using ::testing::ElementsAre;

enum class Colour { kRed, kGreen, kBlue };

// The message of giving `words` to an option; "" when they are accepted.
std::string message(const OptionSpec& spec, const std::vector<std::string>& words) {
  const Result<void> assigned = spec.assign(spec, words);
  return assigned ? "" : assigned.error().message;
}

TEST(Options, TypesOfVariablesSayWhatWordsAreAccepted) {
  int folds = 5;
  std::uint64_t seed = 0;
  double alpha = 0.05;
  Duration limit{0};
  Bytes room;
  std::string name;
  std::optional<std::int64_t> n;
  std::vector<double> grid;
  Colour colour = Colour::kGreen;
  Command command("toy", "Plays.");
  command.option("--folds", &folds);
  command.option("--seed", &seed);
  command.option("--alpha", &alpha);
  command.option("--max-time", &limit);
  command.option("--room", &room);
  command.option("--name", &name);
  command.option("--n", &n);
  command.option("--grid", &grid);
  command.choice("--colour", &colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}, {"blue", Colour::kBlue}});
  const auto set = [&](std::string_view key, std::vector<std::string> words) { return message(*command.find(key), words); };
  EXPECT_EQ(set("folds", {"7"}), "");
  EXPECT_EQ(set("seed", {"18446744073709551615"}), "");
  EXPECT_EQ(set("alpha", {"1e-3"}), "");
  EXPECT_EQ(set("max-time", {"5m"}), "");
  EXPECT_EQ(set("room", {"64K"}), "");
  EXPECT_EQ(set("name", {"a,b"}), "");
  EXPECT_EQ(set("n", {"-4"}), "");
  EXPECT_EQ(set("grid", {"1,2.5", "-3"}), "");
  EXPECT_EQ(set("colour", {"blue"}), "");
  EXPECT_EQ(folds, 7);
  EXPECT_EQ(seed, 18446744073709551615U);
  EXPECT_EQ(alpha, 1e-3);
  EXPECT_EQ(limit.count(), 300);
  EXPECT_EQ(room.count, 65536U);
  EXPECT_EQ(name, "a,b");
  EXPECT_EQ(n, -4);
  EXPECT_THAT(grid, ElementsAre(1, 2.5, -3));
  EXPECT_EQ(colour, Colour::kBlue);
}

TEST(Options, WrongWordsSayWhatWasExpectedAndFound) {
  int folds = 5;
  int at_least = 2;
  std::uint64_t seed = 0;
  double alpha = 0.05;
  double share = 0.5;
  double positive = 1;
  Duration limit{1};
  Bytes room;
  bool flag = false;
  std::vector<std::string> arms;
  Colour colour = Colour::kGreen;
  Command command("toy", "Plays.");
  command.option("--folds", &folds).min(1).max(20);
  command.option("--at-least", &at_least).min(2);
  command.option("--seed", &seed);
  command.option("--alpha", &alpha).above(0).max(0.5);
  command.option("--share", &share).above(0).below(1);
  command.option("--positive", &positive).above(0);
  command.option("--limit", &limit);
  command.option("--room", &room);
  command.flag("--flag", &flag);
  command.option("--arms", &arms);
  command.option("--names", &arms).value("LIST");
  command.option("--many", &folds).min(1).max(100000);
  command.choice("--colour", &colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}, {"blue", Colour::kBlue}});
  const auto set = [&](std::string_view key, std::vector<std::string> words) { return message(*command.find(key), words); };
  EXPECT_EQ(set("many", {"0"}), R"(expected an integer from 1 to 100000, found "0")");
  EXPECT_EQ(set("arms", {""}), R"(expected a text, found "")");
  EXPECT_EQ(set("names", {""}), R"(expected names separated by commas, found "")");
  EXPECT_EQ(set("folds", {"x"}), R"(expected an integer from 1 to 20, found "x")");
  EXPECT_EQ(set("folds", {"0"}), R"(expected an integer from 1 to 20, found "0")");
  EXPECT_EQ(set("folds", {"21"}), R"(expected an integer from 1 to 20, found "21")");
  EXPECT_EQ(set("folds", {"2.5"}), R"(expected an integer from 1 to 20, found "2.5")");
  EXPECT_EQ(set("folds", {""}), R"(expected an integer from 1 to 20, found "")");
  EXPECT_EQ(set("folds", {"5", "6"}), R"(given 2 times ("5" and "6"), expected once)");
  EXPECT_EQ(set("at-least", {"1"}), R"(expected an integer of at least 2, found "1")");
  EXPECT_EQ(set("at-least", {"9999999999"}), R"(expected an integer of at least 2, found "9999999999")");
  EXPECT_EQ(set("seed", {"-1"}), R"(expected an integer of at least 0, found "-1")");
  EXPECT_EQ(set("alpha", {"0"}), R"(expected a number above 0 and at most 0.5, found "0")");
  EXPECT_EQ(set("alpha", {"nan"}), R"(expected a number above 0 and at most 0.5, found "nan")");
  EXPECT_EQ(set("share", {"1"}), R"(expected a number above 0 and below 1, found "1")");
  EXPECT_EQ(set("positive", {"-1"}), R"(expected a number above 0, found "-1")");
  EXPECT_EQ(set("limit", {"5x"}), R"(expected a duration such as 500ms, 30s, 5m, 2h or 1d, found "5x")");
  EXPECT_EQ(set("room", {"big"}), R"(expected a size such as 64K, 8M or 1G, found "big")");
  EXPECT_EQ(set("flag", {"maybe"}), R"(expected true or false, found "maybe")");
  EXPECT_EQ(set("arms", {"a,,b"}), R"(expected items between commas, found an empty one in "a,,b")");
  EXPECT_EQ(set("colour", {"grene"}), R"(expected red, green or blue, found "grene"; did you mean "green"?)");
  EXPECT_EQ(set("colour", {"magenta"}), R"(expected red, green or blue, found "magenta")");
  EXPECT_EQ(folds, 5) << "a refused word leaves the variable alone";
}

TEST(Options, ListsAreSplitAtCommasUnlessTheirWordsAreWhole) {
  std::vector<std::string> arms;
  std::vector<std::string> rules{"max-z"};
  Command command("toy", "Plays.");
  command.option("--arms", &arms);
  command.option("--rule", &rules).whole_words();
  EXPECT_EQ(message(*command.find("arms"), {R"(a,"b,c")", "d"}), "");
  EXPECT_EQ(message(*command.find("rule"), {"power:0.8,honest", "max-tau"}), "");
  EXPECT_THAT(arms, ElementsAre("a", "b,c", "d"));
  EXPECT_THAT(rules, ElementsAre("power:0.8,honest", "max-tau"));
}

TEST(Options, ValuesAreKnownAsJson) {
  int folds = 5;
  double alpha = 0.05;
  std::optional<double> level;
  std::vector<std::string> arms{"a", "b\""};
  bool strict = true;
  Duration limit{1.5};
  Colour colour = Colour::kRed;
  std::string rule;
  Command command("toy", "Plays.");
  command.option("--folds", &folds);
  command.option("--alpha", &alpha);
  command.option("--level", &level);
  command.option("--arms", &arms);
  command.flag("--strict", &strict);
  command.option("--limit", &limit);
  command.choice("--colour", &colour, {{"red", Colour::kRed}, {"green", Colour::kGreen}});
  command.parsed(
      "--rule", &rule, [](std::string_view word) -> Result<std::string> { return "<" + std::string(word) + ">"; }, "max-z");
  std::string all;
  for (const auto& option : command.options()) all += option->json() + " ";
  EXPECT_EQ(all, R"(5 0.05 null ["a","b\""] true 1.5 "red" "max-z" )");
  ASSERT_EQ(message(*command.find("rule"), {"power:0.8"}), "");
  EXPECT_EQ(rule, "<power:0.8>");
  EXPECT_EQ(command.find("rule")->json(), R"("power:0.8")");
}

TEST(Options, DefaultsAreShownAsTheyWouldBeTyped) {
  std::vector<double> grid{0.5, 1, 1e-9};
  Duration limit{0.5};
  Bytes room{std::uint64_t{3} << 20};
  Command command("toy", "Plays.");
  command.option("--grid", &grid);
  command.option("--limit", &limit);
  command.option("--room", &room);
  EXPECT_EQ(command.find("grid")->default_text, "0.5,1,1e-09");
  EXPECT_EQ(command.find("limit")->default_text, "500ms");
  EXPECT_EQ(command.find("room")->default_text, "3M");
}

TEST(Options, AListWithItsOwnParserStopsAtTheFirstWrongItem) {
  std::vector<int> lengths;
  Command command("toy", "Plays.");
  command.parsed_list("--names", &lengths, [](std::string_view word) -> Result<int> {
    if (word.size() > 3) return fail(ErrorCode::kUsage, "expected at most 3 letters, found \"{}\"", word);
    return static_cast<int>(word.size());
  });
  EXPECT_EQ(message(*command.find("names"), {"a,bb", "ccc"}), "");
  EXPECT_THAT(lengths, ElementsAre(1, 2, 3));
  EXPECT_EQ(message(*command.find("names"), {"a,bbbb"}), R"(expected at most 3 letters, found "bbbb")");
}

TEST(Options, ADeclarationThatCannotWorkIsABug) {
  bool flag = false;
  std::string text;
  Command command("toy", "Plays.");
  command.flag("--flag", &flag);
  EXPECT_THROW(command.flag("--flag", &flag), CheckFailure);
  EXPECT_THROW(command.flag("-f", &flag), CheckFailure) << "no long name";
  EXPECT_THROW(command.flag("flag", &flag), CheckFailure);
  EXPECT_THROW(command.option("--text", &text).negatable(), CheckFailure);
  EXPECT_THROW(command.positional("WORDS", &text).count(1, 2), CheckFailure) << "two words in one string";
}

TEST(Shapes, RangesAreOneIntegerOrTwo) {
  EXPECT_EQ(*parse_range("1-6"), std::pair(std::int64_t{1}, std::int64_t{6}));
  EXPECT_EQ(*parse_range("3"), std::pair(std::int64_t{3}, std::int64_t{3}));
  EXPECT_EQ(*parse_range("-2-5"), std::pair(std::int64_t{-2}, std::int64_t{5}));
  for (const char* word : {"6-1", "a", "1-", "", "1-2-3"}) {
    EXPECT_EQ(parse_range(word).error().message, fmt::format("expected an integer or a range such as 1-6, found \"{}\"", word));
  }
}

TEST(Shapes, SpansAreTwoNumbersInOrder) {
  EXPECT_EQ(*parse_span("500:1e5"), std::pair(500.0, 1e5));
  for (const char* word : {"500", "2:1", "2:2", "a:b", ":"}) {
    EXPECT_EQ(parse_span(word).error().message,
              fmt::format("expected two numbers such as 500:100000, the smaller first, found \"{}\"", word));
  }
}

TEST(Shapes, MapsSplitAtTheFirstEqualsOrBeforeANumberAtTheLast) {
  EXPECT_EQ(*parse_map_entry("a=b=c"), (std::pair<std::string, std::string>("a", "b=c")));
  EXPECT_EQ(*parse_number_entry("a=b=0.5"), (std::pair<std::string, double>("a=b", 0.5)));
  const auto column = *parse_number_or_column_entry("arm=1=@cost");
  EXPECT_EQ(column.first, "arm=1");
  EXPECT_EQ(column.second.column, "cost");
  EXPECT_FALSE(column.second.number);
  EXPECT_EQ(parse_number_or_column_entry("arm=3")->second.number, 3.0);
}

TEST(Shapes, MapErrorsNameTheForm) {
  EXPECT_EQ(parse_map_entry("abc").error().message, R"(expected NAME=VALUE, found "abc")");
  EXPECT_EQ(parse_map_entry("=x").error().message, R"(expected NAME=VALUE, found "=x")");
  EXPECT_EQ(parse_number_entry("a=x").error().message, R"(expected NAME=NUMBER, found "a=x": "x" is not a number)");
  EXPECT_EQ(parse_number_or_column_entry("a=@").error().message,
            R"(expected NAME=NUMBER or NAME=@COLUMN, found "a=@": "@" is not a number)");
  EXPECT_EQ(parse_number_map({"a=1", "b=2", "a=3"}).error().message, R"("a" is given twice)");
}

TEST(EnvironmentNames, SharedOptionsHaveNoComponent) {
  EXPECT_EQ(environment_name("policy", "seed"), "GIMBAL_SEED");
  EXPECT_EQ(environment_name("policy", "max-time"), "GIMBAL_MAX_TIME");
  EXPECT_EQ(environment_name("policy", "n-test"), "GIMBAL_POLICY_N_TEST");
}

}  // namespace
}  // namespace gimbal::cli
