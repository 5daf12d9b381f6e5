#include "gimbal/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <nlohmann/json.hpp>

#include "gimbal/base/check.h"
#include "support/property.h"

namespace gimbal {
namespace {

using ::testing::HasSubstr;

std::string error_of(std::string_view text, JsonLimits limits = {}) {
  const auto parsed = parse_json(text, "a.json", limits);
  if (parsed) return "parsed: " + to_text(*parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kParseError);
  return parsed.error().text();
}

std::string round_trip(std::string_view text) { return to_text(parse_json(text, "a.json").value()); }

TEST(JsonWriter, WritesFieldsInTheOrderGiven) {
  JsonWriter w;
  w.begin_object().field("schema", "gimbal.x/1").field("n", 3).field("share", 0.5).null_field("none");
  w.key("list").begin_array().value(1).value(true).begin_object().end_object().begin_array().end_array().end_array();
  w.field("values", std::vector<double>{4.0, 0.1, std::nan("")}).field("maybe", std::optional<double>{}).key("raw").raw("[1]");
  w.field("big", std::uint64_t{18446744073709551615u}).end_object();
  EXPECT_EQ(w.text(), R"({"schema":"gimbal.x/1","n":3,"share":0.5,"none":null,"list":[1,true,{},[]],"values":[4,0.1,null],)"
                      R"("maybe":null,"raw":[1],"big":18446744073709551615})");
}

TEST(JsonWriter, EscapesAndRepairsTexts) {
  EXPECT_EQ(json_quote("a\"\\\b\f\n\r\t\x01\x1f\x7fä"), "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7fä\"");
  EXPECT_EQ(json_quote("\xFF"), "\"\uFFFD\"");
  EXPECT_EQ(json_quote(std::string_view("\0", 1)), "\"\\u0000\"");
}

TEST(JsonWriter, MisuseIsABug) {
  EXPECT_THROW(JsonWriter().begin_object().value(1), CheckFailure);
  EXPECT_THROW(JsonWriter().begin_array().key("a"), CheckFailure);
  EXPECT_THROW(JsonWriter().begin_object().key("a").end_object(), CheckFailure);
  EXPECT_THROW(JsonWriter().begin_object().end_array(), CheckFailure);
  EXPECT_THROW(JsonWriter().value(1).value(2), CheckFailure);
}

// A random value with everything that JSON has, written by the writer and kept as a Json.
Json random_value(Stream& s, int depth, JsonWriter& w) {
  const auto text = [&] {
    std::string out;
    for (std::size_t n = s.below(6); n > 0; --n) {
      static const std::vector<std::string> pieces = {"a", "\"", "\\", "\n", "\x01", "ä", "日", "😀", "/", " ", "\x7f"};
      out += pieces[s.below(pieces.size())];
    }
    return out;
  };
  switch (s.below(depth > 0 ? 8 : 6)) {
    case 0:
      w.null();
      return nullptr;
    case 1: {
      const bool flag = s.bernoulli(0.5);
      w.value(flag);
      return flag;
    }
    case 2: {
      const auto n = static_cast<std::int64_t>(s.next() >> s.below(64)) * (s.bernoulli(0.5) ? 1 : -1);
      w.value(n);
      return n;
    }
    case 3:
    case 4: {
      const double x = testing::any_finite_double(s);
      w.value(x);
      return x;
    }
    case 5: {
      const std::string t = text();
      w.value(t);
      return t;
    }
    case 6: {
      Json array = Json::array();
      w.begin_array();
      for (std::size_t n = s.below(5); n > 0; --n) array.push_back(random_value(s, depth - 1, w));
      w.end_array();
      return array;
    }
    default: {
      Json object = Json::object();
      w.begin_object();
      for (std::size_t n = s.below(5); n > 0; --n) {
        const std::string key = text() + std::to_string(n);
        w.key(key);
        object[key] = random_value(s, depth - 1, w);
      }
      w.end_object();
      return object;
    }
  }
}

TEST(Json, WriterAndParserAreInversesOnRandomValues) {
  testing::for_each_case(1, 3000, [](Stream& s) {
    JsonWriter w;
    const Json value = random_value(s, 5, w);
    ASSERT_EQ(to_text(value), w.text());
    const auto parsed = parse_json(w.text(), "x");
    ASSERT_TRUE(parsed) << parsed.error().text() << w.text();
    ASSERT_EQ(to_text(*parsed), w.text());
    ASSERT_EQ(canonical(*parsed), canonical(value));
    // The same text as another reader sees it.
    ASSERT_EQ(Json::parse(w.text()).dump(), Json::parse(to_text(*parsed)).dump());
  });
}

TEST(Json, KeepsTheBitsOfEveryNumber) {
  EXPECT_TRUE(std::signbit(parse_json("-0", "x").value().get<double>()));
  EXPECT_EQ(round_trip("[-0, 0, -0.0, 9223372036854775807, -9223372036854775808, 18446744073709551615, 1e5, 0.1]"),
            "[-0,0,-0,9223372036854775807,-9223372036854775808,18446744073709551615,1e+05,0.1]");
}

TEST(Json, CanonicalFormSortsKeysAtEveryLevel) {
  const Json value = parse_json(R"( {"b": 1.0, "a": [ {"z":null, "y":"\u00e4"} ], "ä": true, "B": 1e2} )", "x").value();
  EXPECT_EQ(canonical(value), R"({"B":100,"a":[{"y":"ä","z":null}],"b":1,"ä":true})");
  EXPECT_EQ(to_text(value), R"({"b":1,"a":[{"z":null,"y":"ä"}],"ä":true,"B":100})");
}

TEST(Json, SerializesAnyDepthWithoutOverflowingTheStack) {
  Json value = Json::array();
  for (int i = 1; i < 200000; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(value));
    value = std::move(outer);
  }
  EXPECT_EQ(to_text(value), std::string(200000, '[') + std::string(200000, ']'));
}

TEST(ParseJson, ErrorsSayWhereWhatWasExpectedAndWhatWasFound) {
  EXPECT_EQ(error_of("{\"a\": 1,}"), "a.json:1:9: expected a key in double quotes, found '}'");
  EXPECT_EQ(error_of("{\n  \"a\" 1\n}"), "a.json:2:7: expected ':', found \"1\"");
  EXPECT_EQ(error_of("[1 2]"), "a.json:1:4: expected ']', found \"2\"");
  EXPECT_EQ(error_of("[true false]"), "a.json:1:7: expected ']', found false");
  EXPECT_EQ(error_of("[\"k\" \"ä\"]"), "a.json:1:6: expected ']', found \"\\\"ä\\\"\"");
  EXPECT_EQ(error_of("// c"), "a.json:1:1: expected a value, found \"/\"");
  EXPECT_EQ(error_of("[1, 2"), "a.json:1:6: the text ends too early: expected ']'");
  EXPECT_EQ(error_of(""), "a.json:1:1: the text ends too early: expected a value");
  EXPECT_EQ(error_of("{} x"), "a.json:1:4: expected nothing more after the document, found \"x\"");
  EXPECT_EQ(error_of("{} {}"), "a.json:1:4: expected nothing more after the document, found '{'");
  EXPECT_EQ(error_of("[\"ä\", nul]"), "a.json:1:7: expected a value, found \"nul\"");
  EXPECT_EQ(error_of("[1e999]"), "a.json:1:2: the number \"1e999\" does not fit into a double");
  EXPECT_EQ(error_of("[NaN]"), "a.json:1:2: expected a value, found \"NaN\"; JSON writes null instead");
}

TEST(ParseJson, ErrorsInTexts) {
  EXPECT_THAT(error_of("\"abc"), HasSubstr("missing closing quote"));
  EXPECT_THAT(error_of("\"a\nb\""), HasSubstr("a.json:1:3: "));
  EXPECT_THAT(error_of(R"("\ud800")"), HasSubstr("surrogate"));
  EXPECT_THAT(error_of(R"("\udc00")"), HasSubstr("surrogate"));
  EXPECT_THAT(error_of(R"("\x41")"), HasSubstr("forbidden character after backslash"));
  EXPECT_EQ(parse_json(R"("\ud83d\ude00")", "x").value().get<std::string>(), "😀");
}

TEST(ParseJson, RefusesDuplicateKeysAtTheSecondOne) {
  EXPECT_EQ(error_of("{\"a\": 1,\n \"b\": 2, \"a\": 3}"), "a.json:2:10: the key \"a\" stands twice in one object");
  EXPECT_EQ(error_of(R"({"q\"": 1, "q\u0022": 3})"), "a.json:1:12: the key \"q\\\"\" stands twice in one object");
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":{"a":2}}])", "x"));
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += fmt::format("\"k{}\":0,", i);
  EXPECT_TRUE(parse_json(many + "\"x\":0}", "x"));
  for (const int i : {0, 15, 16, 17, 99})
    EXPECT_THAT(error_of(many + fmt::format("\"k{}\":0}}", i)), HasSubstr("stands twice"));
}

TEST(ParseJson, LimitsDepthAndSize) {
  const auto nested = [](int n) {
    return std::string(static_cast<std::size_t>(n), '[') + std::string(static_cast<std::size_t>(n), ']');
  };
  EXPECT_TRUE(parse_json(nested(128), "x"));
  EXPECT_EQ(error_of(nested(129)), "a.json:1:129: nested deeper than 128 levels");
  EXPECT_THAT(error_of(nested(1000000)), HasSubstr("nested deeper"));
  EXPECT_TRUE(parse_json("[1]", "x", {.max_bytes = 3}));
  EXPECT_EQ(error_of("[12]", {.max_bytes = 3}), "a.json: the document has 4 B, more than the limit of 3 B");
}

TEST(ParseJson, RefusesBytesThatAreNoText) {
  EXPECT_EQ(error_of(std::string_view("{}\0{", 4)), "a.json:1:3: a NUL byte; JSON is text");
  EXPECT_EQ(error_of("[\"ä\",\n \"\xC3\x28\"]"), "a.json:2:3: the byte 0xc3 is not valid UTF-8; save the file as UTF-8");
  EXPECT_EQ(round_trip("\xEF\xBB\xBF[1]"), "[1]") << "a byte order mark is passed over";
  EXPECT_EQ(error_of("\xEF\xBB\xBF\xEF\xBB\xBF[1]"), "a.json:1:1: a second byte order mark");
}

TEST(ParseJson, RefusesWhatIsNotJson) {
  for (const char* bad : {"// c\n1", "/* */1", "{a:1}", "{'a':1}", "[1,]", "01", "+1", ".5", "1.", "[,1]", "\"\t\"", "--1",
                          "tru", "{\"a\"}", "]"}) {
    EXPECT_FALSE(parse_json(bad, "x")) << bad;
  }
}

TEST(ParseJson, ManyKeysTakeNoQuadraticTime) {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += fmt::format("{}\"key{}\":{}", i ? "," : "", i, i);
  EXPECT_EQ(parse_json(text + "}", "x").value().size(), 200000u);  // quadratic: minutes
}

JsonView view(std::string_view text) { return JsonView::parse(text, "p.json").value(); }

TEST(JsonView, ReadsFieldsOfEveryType) {
  const JsonView v = view(R"({"n":1.5,"i":-3,"t":true,"s":"x","a":[1,null,2],"w":["p","q"],"o":{"k":0},"z":null})");
  EXPECT_EQ(v.number("n").value(), 1.5);
  EXPECT_EQ(v.number("i").value(), -3);
  EXPECT_EQ(v.integer("i").value(), -3);
  EXPECT_TRUE(v.boolean("t").value());
  EXPECT_EQ(v.string("s").value(), "x");
  EXPECT_THAT(v.numbers("a").value(), ::testing::ElementsAre(1, ::testing::NanSensitiveDoubleEq(std::nan("")), 2));
  EXPECT_THAT(v.strings("w").value(), ::testing::ElementsAre("p", "q"));
  EXPECT_EQ(v.get("o")->integer("k").value(), 0);
  EXPECT_TRUE(v.get("z")->is_null());
  EXPECT_FALSE(v.has("z"));
  EXPECT_FALSE(v.find("z"));
  EXPECT_EQ(v.members()->at(2).first, "t");
  EXPECT_EQ(v.items().error().message, "expected an array, found an object");
  EXPECT_EQ(v.get("a")->text(), "[1,null,2]");
}

TEST(JsonView, DefaultsAreForAbsentAndNullOnly) {
  const JsonView v = view(R"({"n":"x","z":null})");
  EXPECT_EQ(v.number_or("z", 7).value(), 7);
  EXPECT_EQ(v.integer_or("absent", 7).value(), 7);
  EXPECT_TRUE(v.boolean_or("absent", true).value());
  EXPECT_EQ(v.string_or("absent", "d").value(), "d");
  EXPECT_EQ(v.number_or("n", 7).error().text(), "p.json: n: expected a number, found \"x\"");
}

TEST(JsonView, ErrorsNameThePath) {
  const JsonView v = view(R"({"models":[{"rows":"x","odd key":{"a":1}}]})");
  const JsonView model = v.get("models")->items()->at(0);
  EXPECT_EQ(model.path(), "p.json: models[0]");
  EXPECT_EQ(model.integer("rows").error().text(), "p.json: models[0].rows: expected an integer, found \"x\"");
  EXPECT_EQ(model.get("odd key")->string("a").error().text(),
            "p.json: models[0][\"odd key\"].a: expected a text in quotes, found 1");
  EXPECT_EQ(model.number("row").error().text(), "p.json: models[0]: the key \"row\" is missing; did you mean \"rows\"?");
  EXPECT_EQ(model.boolean("rows").error().message, "expected true or false, found \"x\"");
  EXPECT_EQ(model.strings("odd key").error().message, "expected an array of texts, found an object");
  EXPECT_EQ(view("[1]").number("k").error().text(), "p.json: expected an object with the key \"k\", found an array");
  EXPECT_EQ(view("[[1,\"x\"]]").items()->at(0).numbers().error().text(),
            "p.json: [0][1]: expected a number or null, found \"x\"");
  EXPECT_EQ(view("[1,\"x\"]").numbers().error().text(), "p.json: [1]: expected a number or null, found \"x\"");
  EXPECT_EQ(view("[1]").strings().error().text(), "p.json: [0]: expected a text in quotes, found 1");
}

TEST(JsonView, IntegersMayBeWrittenAsDoublesButNotRounded) {
  EXPECT_EQ(view("1e+05").integer().value(), 100000);
  EXPECT_EQ(view("9007199254740992.0").integer().value(), 9007199254740992);
  EXPECT_EQ(view("9223372036854775807").integer().value(), std::numeric_limits<std::int64_t>::max());
  for (const char* bad : {"1.5", "1e300", "9223372036854775808", "true", "null", "\"1\""})
    EXPECT_FALSE(view(bad).integer()) << bad;
}

TEST(JsonView, ChecksTheSchema) {
  EXPECT_TRUE(view(R"({"schema":"gimbal.policy.model/1"})").expect_schema("gimbal.policy.model/1"));
  const auto check = [](std::string_view text) {
    const Error error = view(text).expect_schema("gimbal.policy.model/1").error();
    EXPECT_EQ(error.code, ErrorCode::kVersion);
    return error.text();
  };
  EXPECT_EQ(check(R"({"schema":"gimbal.policy.model/2"})"),
            "p.json: expected the version \"gimbal.policy.model/1\", found \"gimbal.policy.model/2\"");
  EXPECT_EQ(check(R"({"schema":"gimbal.run/1"})"),
            "p.json: expected the schema \"gimbal.policy.model/1\", found \"gimbal.run/1\"");
  EXPECT_EQ(check("{}"), "p.json: expected a document with \"schema\": \"gimbal.policy.model/1\", found no schema");
}

TEST(JsonView, RefusesUnknownKeysWithTheNearest) {
  EXPECT_TRUE(view(R"({"rows":1,"x-note":2})").expect_only({"rows", "cols"}));
  EXPECT_EQ(view(R"({"rowz":1,"cols":2,"zzzzzz":3})").expect_only({"rows", "cols"}).error().text(),
            "p.json: unknown key \"rowz\"; did you mean \"rows\"?\n  p.json: unknown key \"zzzzzz\"");
}

TEST(JsonView, OutlivesTheTextAndItsParent) {
  std::optional<JsonView> inner;
  {
    const std::string text = R"({"a":{"b":"kept"}})";
    inner = view(text).get("a").value();
  }
  EXPECT_EQ(inner->string("b").value(), "kept");
}

}  // namespace
}  // namespace gimbal
