#include "gimbal/base/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"

namespace gimbal {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(std::string_view text) {
  const auto parsed = parse_toml(text, "c.toml");
  if (parsed) return "parsed";
  EXPECT_EQ(parsed.error().code, ErrorCode::kParseError);
  return parsed.error().text();
}

TEST(Toml, ValuesAreTheTextsOfFlags) {
  const TomlTable t = parse_toml(R"(# comment
seed = 7
alpha = 0.050
big = 1_000_000
hex = 0xff
signed = -3
tiny = 1e-09
json = true
out = "a \"b\" ä"
raw = 'C:\x'
when = 2026-03-01
time = 2026-03-01T12:00:00Z
lists = [1, 2.50, "x,y",
  false]
empty = []
)",
                                 "c.toml")
                          .value();
  const auto one = [&](const std::string& key) {
    const TomlEntry& entry = t.entries.at(key);
    EXPECT_FALSE(entry.is_array);
    EXPECT_EQ(entry.values.size(), 1u);
    return entry.values.at(0);
  };
  EXPECT_EQ(one("seed"), "7");
  EXPECT_EQ(one("alpha"), "0.050");
  EXPECT_EQ(one("big"), "1000000");
  EXPECT_EQ(one("hex"), "255");
  EXPECT_EQ(one("signed"), "-3");
  EXPECT_EQ(one("tiny"), "1e-09");
  EXPECT_EQ(one("json"), "true");
  EXPECT_EQ(one("out"), "a \"b\" ä");
  EXPECT_EQ(one("raw"), "C:\\x");
  EXPECT_EQ(one("when"), "2026-03-01");
  EXPECT_EQ(one("time"), "2026-03-01T12:00:00Z");
  EXPECT_THAT(t.entries.at("lists").values, ElementsAre("1", "2.50", "x,y", "false"));
  EXPECT_TRUE(t.entries.at("lists").is_array);
  EXPECT_TRUE(t.entries.at("empty").is_array);
  EXPECT_TRUE(t.entries.at("empty").values.empty());
}

TEST(Toml, TablesNestAndEveryKeyKnowsItsPlace) {
  const TomlTable t =
      parse_toml("seed = 1\n\n[policy]\n  alpha = 0.1\n\"ä\" = { b = 2, c = 3 }\n[policy.fit]\nx.y = 4\n", "c.toml").value();
  EXPECT_EQ(t.entries.at("seed").where, "c.toml:1:1");
  const TomlTable& policy = t.tables.at("policy");
  EXPECT_EQ(policy.where, "c.toml:3:1");
  EXPECT_EQ(policy.entries.at("alpha").where, "c.toml:4:3");
  EXPECT_EQ(policy.tables.at("ä").entries.at("c").where, "c.toml:5:16");
  EXPECT_THAT(policy.tables.at("ä").entries.at("c").values, ElementsAre("3"));
  EXPECT_THAT(policy.tables.at("fit").tables.at("x").entries.at("y").values, ElementsAre("4"));
}

TEST(Toml, NumbersAfterWideCharactersKeepTheirText) {
  const TomlTable t = parse_toml("t = { 'ä😀' = 0.50, b = 1.10 }", "c.toml").value();
  EXPECT_THAT(t.tables.at("t").entries.at("ä😀").values, ElementsAre("0.50"));
  EXPECT_THAT(t.tables.at("t").entries.at("b").values, ElementsAre("1.10"));
}

TEST(Toml, LettersBeyondAsciiMayFollowALineThatGoesOn) {  // undefined behaviour in toml++ 3.3 itself
  const TomlTable t = parse_toml("a = \"\"\"x \\\n  äö\"\"\"", "c.toml").value();
  EXPECT_THAT(t.entries.at("a").values, ElementsAre("x äö"));
  EXPECT_THAT(error_of("ä = 1"), StartsWith("c.toml:1:1: "));
  EXPECT_THAT(error_of("a ä = 1"), StartsWith("c.toml:1:3: "));
}

TEST(Toml, ErrorsNameLineAndColumn) {
  EXPECT_THAT(error_of("a = 1\nb = \n"), StartsWith("c.toml:2:"));
  EXPECT_THAT(error_of("a = 1\na = 2\n"), StartsWith("c.toml:2:"));
  EXPECT_THAT(error_of("[t\n"), StartsWith("c.toml:1:"));
  EXPECT_THAT(error_of("[[["), StartsWith("c.toml:1:3: "));
  EXPECT_THAT(error_of("[.a]"), StartsWith("c.toml:1:2: "));
  EXPECT_THAT(error_of("a = \"open\n"), StartsWith("c.toml:1:"));
  EXPECT_EQ(error_of("a = 1\nb = \"\xFF\""), "c.toml:2:6: the byte 0xff is not valid UTF-8; save the file as UTF-8");
}

TEST(Toml, RefusesWhatNoFlagCanTake) {
  EXPECT_EQ(error_of("a = [1, [2]]"),
            "c.toml:1:9: expected a text, a number or true or false in the array, found another array");
  EXPECT_THAT(error_of("[[runs]]\nx = 1"), HasSubstr("found a table"));
}

TEST(Toml, DeepNestingIsAnErrorNotACrash) {
  EXPECT_THAT(error_of("a = " + std::string(100000, '[')), StartsWith("c.toml:"));
  std::string dotted = "a";
  for (int i = 0; i < 500000; ++i) dotted += ".a";
  EXPECT_EQ(error_of("x = 1\n" + dotted + " = 1"), "c.toml:2:1: a key of more than 64 dotted parts");
  EXPECT_THAT(error_of("[" + dotted + "]"), HasSubstr("dotted parts"));
  EXPECT_THAT(error_of("t = { " + dotted + " = 1 }"), HasSubstr("dotted parts"));
}

TEST(Toml, DotsInTextsAndCommentsAreNoKeys) {
  const std::string dots(200, '.');
  const TomlTable t = parse_toml("# " + dots + "\na = \"" + dots + " \\\" " + dots + "\"\nb = '" + dots + "'\nc = \"\"\"" +
                                     dots + "\n\"q\" " + dots + "\"\"\"\nd = '''" + dots + "'''\n",
                                 "c.toml")
                          .value();
  EXPECT_EQ(t.entries.at("b").values.at(0), dots);
  EXPECT_EQ(t.entries.size(), 4u);
  const TomlTable quotes = parse_toml("a = [\"\"\"x\"\"\"\"\", '" + dots + "']", "c.toml").value();
  EXPECT_THAT(quotes.entries.at("a").values, ElementsAre("x\"\"", dots));
}

TEST(Toml, ReadsFilesWithOrWithoutAByteOrderMark) {
  const auto folder = TemporaryFolder::create().value();
  const std::string path = folder.path() / "c.toml";
  ASSERT_TRUE(write_atomic(path, "\xEF\xBB\xBFseed = 3\r\nalpha = 0.5\r\n"));
  const TomlTable t = read_toml(path).value();
  EXPECT_THAT(t.entries.at("seed").values, ElementsAre("3"));
  EXPECT_EQ(t.entries.at("seed").where, path + ":1:1");
  EXPECT_THAT(t.entries.at("alpha").values, ElementsAre("0.5"));
  EXPECT_EQ(read_toml(folder.path() / "none.toml").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace gimbal
