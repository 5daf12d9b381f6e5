#include "gimbal/data/encoding.h"

#include <cmath>

#include "gimbal/base/parallel.h"
#include "gimbal/base/random.h"

namespace gimbal::data {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;

const double kNan = std::nan("");

DataTable parsed(std::string_view text, const CsvOptions& options = {}) {
  auto table = parse_table(text, "data.csv", options);
  EXPECT_TRUE(table) << table.error().text();
  return table ? std::move(*table) : DataTable();
}

std::vector<FeatureSpec> specs(const std::vector<std::string>& items) {
  auto features = parse_features(items);
  EXPECT_TRUE(features) << features.error().text();
  return *features;
}

Encoding fitted(const DataTable& table, const std::vector<std::string>& items, const FitOptions& options = {}) {
  auto encoding = Encoding::fit(table, specs(items), options);
  EXPECT_TRUE(encoding) << encoding.error().text();
  return encoding ? std::move(*encoding) : Encoding();
}

std::vector<double> row_of(const Encoded& encoded, std::size_t row) {
  const auto values = encoded.x.row(row);
  return {values.begin(), values.end()};
}

constexpr std::string_view kTrain =
    "age,zip,visits\n"
    "30,urban,1\n"
    ",rural,2\n"
    "50,urban,3\n"
    "40,,4\n"
    "40,rural,5\n"
    "40,urban,6\n";

TEST(Features, AreReadFromTheirGrammar) {
  const std::vector<std::string> items = {"age", "log(history)", " log1p( spend ) ", "cat(zip3)"};
  const auto features = parse_features(items);
  ASSERT_TRUE(features);
  EXPECT_THAT(*features, ElementsAre(FeatureSpec{"age", Transform::kNone}, FeatureSpec{"history", Transform::kLog},
                                     FeatureSpec{"spend", Transform::kLog1p}, FeatureSpec{"zip3", Transform::kCategorical}));
  EXPECT_EQ((*features)[2].text(), "log1p(spend)");
  EXPECT_THAT(text_columns(*features), ElementsAre("zip3"));
}

TEST(Features, AColumnNamedLikeAFunctionIsTheColumn) {
  const std::vector<std::string> known = {"log(x)", "x"};
  const std::vector<std::string> items = {"log(x)"};
  EXPECT_EQ((*parse_features(items, known))[0], (FeatureSpec{"log(x)", Transform::kNone}));
}

TEST(Features, BadOnesAreRefused) {
  const auto error = [](const std::string& item, const std::vector<std::string>& known = {}) {
    const std::vector<std::string> items = {"age", item};
    return parse_features(items, known).error().text();
  };
  EXPECT_EQ(error("sqrt(x)"),
            "--features: unknown function in \"sqrt(x)\": a feature is a column's name, log(name), log1p(name) or cat(name)");
  EXPECT_EQ(error(""), "--features: expected the name of a feature, found an empty item");
  EXPECT_EQ(error("log()"), "--features: expected the name of a column in \"log()\"");
  EXPECT_EQ(error("age"), "--features: the feature \"age\" is given twice");
  EXPECT_EQ(error("log(histroy)", {"age", "history"}), "--features: there is no column \"histroy\"; did you mean \"history\"?");
}

TEST(Features, AllButTheExcludedColumns) {
  const auto features = features_except(parsed(kTrain), {"visits"});
  EXPECT_THAT(features, ElementsAre(FeatureSpec{"age", Transform::kNone}, FeatureSpec{"zip", Transform::kNone}));
}

TEST(Encoding, LinearDesignImputesTheMeanAndDropsTheMostFrequentLevel) {
  const DataTable table = parsed(kTrain);
  const Encoding encoding = fitted(table, {"age", "zip"});
  EXPECT_THAT(encoding.design_names(Design::kLinear), ElementsAre("age", "age missing", "zip=rural", "zip missing"));
  EXPECT_EQ(encoding.width(Design::kLinear), 4u);
  const auto encoded = encoding.apply(table);
  ASSERT_TRUE(encoded);
  EXPECT_THAT(row_of(*encoded, 0), ElementsAre(30, 0, 0, 0));
  EXPECT_THAT(row_of(*encoded, 1), ElementsAre(40, 1, 1, 0));  // mean of 30 50 40 40 40
  EXPECT_THAT(row_of(*encoded, 3), ElementsAre(40, 0, 0, 1));
}

TEST(Encoding, TreeDesignKeepsMissingNumbersAndAllLevels) {
  const DataTable table = parsed(kTrain);
  const Encoding encoding = fitted(table, {"age", "zip"});
  EXPECT_THAT(encoding.design_names(Design::kTree), ElementsAre("age", "zip=urban", "zip=rural", "zip missing"));
  const auto encoded = encoding.apply(table, {.design = Design::kTree});
  ASSERT_TRUE(encoded);
  EXPECT_THAT(row_of(*encoded, 1), ElementsAre(IsNan(), 0, 1, 0));
  EXPECT_THAT(row_of(*encoded, 3), ElementsAre(40, 0, 0, 1));
}

TEST(Encoding, FitsOnTrainingRowsWithWeights) {
  const DataTable table = parsed(kTrain);
  const std::size_t training[] = {0, 2, 4};
  const std::vector<double> weights = {1, 100, 3, 100, 4.5, 100};
  const Encoding encoding = fitted(table, {"age", "zip"}, {.rows = training, .weights = weights});
  EXPECT_DOUBLE_EQ(encoding.features()[0].mean, (30 * 1 + 50 * 3 + 40 * 4.5) / 8.5);
  EXPECT_FALSE(encoding.features()[0].missing_seen);
  EXPECT_THAT(encoding.design_names(Design::kLinear), ElementsAre("age", "zip=urban"));  // rural weighs 4.5, urban 4
  const std::size_t held_out[] = {1, 3};
  const auto encoded = encoding.apply(table, {.unknown = UnknownCategory::kMissing, .rows = held_out});
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->unknown_cells, 1u);  // the empty zip
  EXPECT_THAT(row_of(*encoded, 0), ElementsAre(DoubleEq(encoding.features()[0].mean), 0));
  EXPECT_THAT(row_of(*encoded, 1), ElementsAre(40, 0));  // taken for the most frequent level
}

TEST(Encoding, AColumnIsNumericWhenItsTrainingCellsAre) {
  const DataTable table = parsed("x,y\n1,0\n2,0\nNA,0\n");
  const std::size_t training[] = {0, 1};
  const Encoding encoding = fitted(table, {"x"}, {.rows = training});
  EXPECT_FALSE(encoding.features()[0].categorical);
  const auto strict = encoding.apply(table);
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().text(),
            "data.csv:4:1: x \"NA\" is not a number, as in the training data; --unknown-category missing treats it as missing");
  const auto lenient = encoding.apply(table, {.unknown = UnknownCategory::kMissing});
  ASSERT_TRUE(lenient);
  EXPECT_THAT(lenient->x.column(0), ElementsAre(1, 2, 1.5));
  EXPECT_EQ(lenient->unknown_cells, 1u);
  EXPECT_TRUE(fitted(table, {"x"}).features()[0].categorical);
}

TEST(Encoding, MatchesColumnsByName) {
  const Encoding encoding = fitted(parsed(kTrain), {"age", "zip"});
  const auto encoded = encoding.apply(parsed("zip,extra,age\nrural,1,20\n"));
  ASSERT_TRUE(encoded);
  EXPECT_THAT(row_of(*encoded, 0), ElementsAre(20, 0, 1, 0));
  const auto lacking = encoding.apply(parsed("zipp,age\nrural,20\n"));
  ASSERT_FALSE(lacking);
  EXPECT_EQ(lacking.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(lacking.error().text(), "data.csv has no column \"zip\"; did you mean \"zipp\"? (the feature \"zip\")");
}

TEST(Encoding, RefusesLevelsThatTrainingHasNotSeen) {
  const Encoding encoding = fitted(parsed("zip,x\nurban,1\nrural,2\nurban,3\n"), {"x", "zip"});
  auto table = parse_table("x,zip\n1,urban\n1,Lunar\n1,\n2,rural\n3,Lunar\n", "new.csv");
  ASSERT_TRUE(table);
  const auto strict = encoding.apply(*table);
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().code, ErrorCode::kParseError);
  EXPECT_EQ(strict.error().text(),
            "new.csv:3:2: zip \"Lunar\" does not occur in the training data; --unknown-category missing treats it as missing\n"
            "  new.csv:4:2: zip \"\" does not occur in the training data\n"
            "  new.csv:6:2: zip \"Lunar\" does not occur in the training data");
  const auto linear = encoding.apply(*table, {.unknown = UnknownCategory::kMissing});
  ASSERT_TRUE(linear);
  EXPECT_EQ(linear->unknown_cells, 3u);
  EXPECT_THAT(linear->x.column(1), ElementsAre(0, 0, 0, 1, 0));
  const auto tree = encoding.apply(*table, {.design = Design::kTree, .unknown = UnknownCategory::kMissing});
  ASSERT_TRUE(tree);
  EXPECT_THAT(row_of(*tree, 1), ElementsAre(1, 0, 0));
  // Where training had missing cells, an unknown level is one of them.
  const Encoding with_missing = fitted(parsed(kTrain), {"zip"});
  EXPECT_THAT(row_of(*with_missing.apply(*table, {.unknown = UnknownCategory::kMissing}), 1), ElementsAre(0, 1));
  // Levels of rows that are not encoded do not matter.
  const std::size_t known_rows[] = {0, 3};
  EXPECT_TRUE(encoding.apply(*table, {.rows = known_rows}));
}

TEST(Encoding, TransformsNumbersAndRefusesWhatIsOutsideTheDomain) {
  const DataTable table = parsed("history,spend\n1,0\n7.38905609893065,3\n");
  const Encoding encoding = fitted(table, {"log(history)", "log1p(spend)"});
  EXPECT_THAT(encoding.design_names(Design::kLinear), ElementsAre("log(history)", "log1p(spend)"));
  const auto encoded = encoding.apply(table);
  ASSERT_TRUE(encoded);
  EXPECT_THAT(row_of(*encoded, 1), ElementsAre(std::log(7.38905609893065), std::log1p(3)));
  EXPECT_NEAR(encoding.features()[0].mean, 1.0, 1e-15);  // the mean is of the logarithms

  const auto fit = Encoding::fit(parsed("a,history\n1,0\n1,5\n1,-2\n"), specs({"log(history)"}));
  ASSERT_FALSE(fit);
  EXPECT_EQ(fit.error().text(),
            "data.csv:2:2: log(history) needs a value above 0, found \"0\"\n"
            "  data.csv:4:2: log(history) needs a value above 0, found \"-2\"");
  EXPECT_EQ(encoding.apply(parsed("history,spend\n1,-1\n")).error().text(),
            "data.csv:2:2: log1p(spend) needs a value above -1, found \"-1\"");
  EXPECT_EQ(Encoding::fit(parsed("h\n1\nNA\n"), specs({"log(h)"})).error().text(),
            "data.csv:3:1: log(h) needs a finite number, found \"NA\"");
  EXPECT_EQ(Encoding::fit(parsed("h\n1\n1e308\n"), specs({"h"})).error().text(),
            "data.csv:3:1: h must lie within -1e70 and 1e70, found \"1e+308\"");
}

TEST(Encoding, CatForcesLevels) {
  const auto features = specs({"cat(zip3)"});
  const std::string text = "zip3,x\n01,1\n1,2\n01,3\n";
  const DataTable table = parsed(text, {.text_columns = text_columns(features)});
  const Encoding encoding = fitted(table, {"cat(zip3)"});
  EXPECT_THAT(encoding.features()[0].levels, ElementsAre("01", "1"));
  EXPECT_THAT(encoding.design_names(Design::kTree), ElementsAre("zip3=01", "zip3=1"));
  EXPECT_THAT(encoding.text_columns(), ElementsAre("zip3"));
  // A table that was built with numbers has their shortest text as levels.
  DataTable numbers;
  numbers.add_numbers("zip3", {1, 2.5, kNan});
  EXPECT_THAT(fitted(numbers, {"cat(zip3)"}).features()[0].levels, ElementsAre("1", "2.5"));
}

TEST(Encoding, AMissingLevelCanBeTheMostFrequent) {
  const DataTable table = parsed("a,b\n1,\n1,\n1,x\n");
  const Encoding encoding = fitted(table, {"cat(b)"});
  EXPECT_THAT(encoding.design_names(Design::kLinear), ElementsAre("b=x"));
  EXPECT_THAT(encoding.apply(table)->x.column(0), ElementsAre(0, 0, 1));
}

TEST(Encoding, OneLevelOrNoValueStillWorks) {
  const DataTable table = parsed("a,b,c\n,x,1\n,x,2\n");
  const Encoding encoding = fitted(table, {"a", "b"});
  EXPECT_THAT(encoding.design_names(Design::kLinear), ElementsAre("a", "a missing"));
  EXPECT_THAT(row_of(*encoding.apply(table), 0), ElementsAre(0, 1));
  EXPECT_EQ(fitted(table, {}).apply(table)->x.cols(), 0u);
}

TEST(Encoding, NoTrainingRowsAreNotAllRows) {
  const std::vector<std::size_t> none;
  const auto encoding = Encoding::fit(parsed(kTrain), specs({"age"}), {.rows = none});
  ASSERT_FALSE(encoding);
  EXPECT_EQ(encoding.error().code, ErrorCode::kInsufficientData);
}

TEST(Encoding, IsWrittenAndReadBackExactly) {
  const Encoding encoding = fitted(parsed("age,zip,h,empty,odd\n0.1,\xC3\xA9,1,,a\n,\"q\"\"\n\",3,,a\n0.7,,2.5,,\n"),
                                   {"age", "zip", "log(h)", "log1p(h)", "cat(empty)", "odd"});
  JsonWriter json;
  encoding.write(json);
  auto view = JsonView::parse(json.text(), "model.json");
  ASSERT_TRUE(view) << view.error().text();
  const auto back = Encoding::read(*view);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_TRUE(*back == encoding);
  JsonWriter again;
  back->write(again);
  EXPECT_EQ(again.text(), json.text());
}

TEST(Encoding, RefusesADamagedDocument) {
  const auto error = [](std::string_view text) {
    auto encoding = Encoding::read(*JsonView::parse(text, "model.json"));
    return encoding ? "none" : encoding.error().text();
  };
  EXPECT_THAT(error(R"({"features":[{"column":"x","transform":"sqrt","kind":"numeric","missing":false,"mean":1}]})"),
              HasSubstr("expected the transform"));
  EXPECT_THAT(error(R"({"features":[{"column":"x","transform":null,"kind":"odd","missing":false,"mean":1}]})"),
              HasSubstr("numeric or categorical"));
  EXPECT_THAT(
      error(
          R"({"features":[{"column":"x","transform":null,"kind":"categorical","missing":false,"levels":["a"],"reference":1}]})"),
      HasSubstr("expected a reference among the 1 levels, found 1"));
  EXPECT_THAT(
      error(
          R"({"features":[{"column":"x","transform":null,"kind":"categorical","missing":false,"levels":["a","a"],"reference":1}]})"),
      HasSubstr("distinct levels"));
  EXPECT_THAT(error(R"({"features":[{"column":"x"}]})"), HasSubstr("features[0]"));
  EXPECT_THAT(error(R"({"featurs":[]})"), HasSubstr("features"));
}

// The slow, obvious encoder: one cell at a time.
TEST(Encoding, AgreesWithACellByCellReference) {
  Stream random(5, "test.encoding");
  for (int round = 0; round < 30; ++round) {
    const std::size_t rows = 1 + random.below(3000);
    std::vector<double> numbers(rows);
    std::vector<std::string> words(rows);
    for (auto& number : numbers) number = random.bernoulli(0.2) ? kNan : random.normal();
    for (auto& word : words) word = random.bernoulli(0.2) ? "" : fmt::format("w{}", random.below(5));
    DataTable table;
    table.add_numbers("x", numbers).add_text("w", words);
    const Encoding encoding = fitted(table, {"x", "cat(w)"});
    for (const Design design : {Design::kLinear, Design::kTree}) {
      const ThreadLimit limit(round % 2 ? 1 : 4);
      const auto encoded = encoding.apply(table, {.design = design});
      ASSERT_TRUE(encoded);
      const auto names = encoding.design_names(design);
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t c = 0; c < names.size(); ++c) {
          const bool missing = std::isnan(numbers[row]);
          const double expected = names[c] == "x"           ? (!missing                  ? numbers[row]
                                                               : design == Design::kTree ? kNan
                                                                                         : encoding.features()[0].mean)
                                  : names[c] == "x missing" ? missing
                                  : names[c] == "w missing" ? words[row].empty()
                                                            : names[c] == "w=" + words[row];
          if (std::isnan(expected))
            ASSERT_TRUE(std::isnan(encoded->x(row, c)));
          else
            ASSERT_EQ(encoded->x(row, c), expected) << names[c];
        }
      }
    }
  }
}

}  // namespace
}  // namespace gimbal::data
