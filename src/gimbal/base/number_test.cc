#include "gimbal/base/number.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "support/property.h"

namespace gimbal {
namespace {

using ::testing::HasSubstr;

TEST(Shortest, ReadsBackToTheSameBitsForAnyDouble) {
  testing::for_each_case(1, 100000, [](Stream& s) {
    const double value = testing::any_finite_double(s);
    const std::string text = shortest(value);
    const auto back = parse_finite(text);
    ASSERT_TRUE(back.has_value()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back), std::bit_cast<std::uint64_t>(value)) << text;
    ASSERT_EQ(std::strtod(text.c_str(), nullptr), value) << text;  // and for other readers
    ASSERT_LE(text.size(), 24u);
  });
}

TEST(Shortest, PrintsWhatPeopleWrite) {
  EXPECT_EQ(shortest(4.0), "4");
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(-0.0), "-0");
  EXPECT_EQ(shortest(1e-5), "1e-05");
  EXPECT_EQ(shortest(5e-324), "5e-324");
  EXPECT_EQ(shortest(1.7976931348623157e308), "1.7976931348623157e+308");
  EXPECT_EQ(shortest(std::nan("")), "nan");
  EXPECT_EQ(shortest(-std::nan("")), "nan");
  EXPECT_EQ(shortest(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(ParseFinite, TakesExactlyOneNumber) {
  EXPECT_EQ(parse_finite("12"), 12.0);
  EXPECT_EQ(parse_finite("-1.5e3"), -1500.0);
  EXPECT_EQ(parse_finite("+.5"), 0.5);
  EXPECT_EQ(parse_finite("5."), 5.0);
  EXPECT_EQ(parse_finite("1E2"), 100.0);
  for (const char* bad : {"",    "+",   "-",   ".",   "1 ",   " 1",       "1,5",   "0x10", "1e", "1e+",   "--1", "+-1",
                          "-+1", "++1", "nan", "inf", "-inf", "infinity", "1_000", "1f",   "e5", "1.2.3", "١"}) {
    EXPECT_FALSE(parse_finite(bad)) << bad;
  }
  EXPECT_FALSE(parse_finite(std::string_view("1\0", 2)));
}

TEST(ParseFinite, RefusesOverflowAndRoundsUnderflowToZero) {
  EXPECT_FALSE(parse_finite("1e309"));
  EXPECT_FALSE(parse_finite("-1e400"));
  EXPECT_FALSE(parse_finite("1e99999999999999999999999"));
  EXPECT_FALSE(parse_finite("1" + std::string(400, '0')));
  EXPECT_FALSE(parse_finite("0." + std::string(10, '0') + "1e330"));
  EXPECT_EQ(parse_finite("1e-400"), 0.0);
  EXPECT_EQ(parse_finite("0." + std::string(400, '0') + "1"), 0.0);
  EXPECT_EQ(parse_finite("1e-99999999999999999999999"), 0.0);
  EXPECT_EQ(parse_finite("0e99999999999999999999999"), 0.0);
  EXPECT_TRUE(std::signbit(parse_finite("-1e-400").value()));
  EXPECT_EQ(parse_finite("4.9e-324"), 5e-324);
}

TEST(ParseDouble, AlsoTakesInfinitiesAndNan) {
  EXPECT_EQ(parse_double("-INF"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_double("+infinity"), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parse_double("NaN").value()));
  EXPECT_EQ(parse_double("2"), 2.0);
  EXPECT_FALSE(parse_double("1e400")) << "an overflow is not infinity";
  EXPECT_FALSE(parse_double("nan(1)"));
}

TEST(ParseInt, TakesTheWholeRangeAndNothingElse) {
  EXPECT_EQ(parse_int("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse_int("+9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse_uint("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", "+", "-", "9223372036854775808", "1.0", "1e3", " 1", "1 ", "0x1", "+-1"})
    EXPECT_FALSE(parse_int(bad)) << bad;
  for (const char* bad : {"", "-1", "18446744073709551616", "1."}) EXPECT_FALSE(parse_uint(bad)) << bad;
}

TEST(ParseDuration, KnowsItsUnits) {
  const auto s = [](std::string_view text, std::string_view bare = "s") { return parse_duration(text, bare).value().count(); };
  EXPECT_EQ(s("500ms"), 0.5);
  EXPECT_EQ(s("30s"), 30);
  EXPECT_EQ(s("5m"), 300);
  EXPECT_EQ(s("2h"), 7200);
  EXPECT_EQ(s("1.5d"), 129600);
  EXPECT_EQ(s("7"), 7);
  EXPECT_EQ(s("250", "ms"), 0.25);
  EXPECT_EQ(s("2s", "ms"), 2) << "a unit that is written wins";
  EXPECT_EQ(s("0"), 0);
}

TEST(ParseDuration, SaysWhatItExpected) {
  EXPECT_EQ(parse_duration("5 weeks").error().message,
            "expected a duration like 500ms, 30s, 5m, 2h or 1d (a bare number is in s), found \"5 weeks\"");
  EXPECT_EQ(parse_duration("-1s").error().message, "expected a duration that is not negative, found \"-1s\"");
  EXPECT_EQ(parse_duration("1e308d").error().message, "the duration \"1e308d\" is too long");
  for (const char* bad : {"", "s", "1 s ", "nan", "inf", "1hh"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(ParseBytes, UnitsArePowersOf1024) {
  EXPECT_EQ(parse_bytes("64K"), 65536u);
  EXPECT_EQ(parse_bytes("8M"), 8388608u);
  EXPECT_EQ(parse_bytes("1G"), 1073741824u);
  EXPECT_EQ(parse_bytes("512KiB"), 524288u);
  EXPECT_EQ(parse_bytes("1.5k"), 1536u);
  EXPECT_EQ(parse_bytes("100B"), 100u);
  EXPECT_EQ(parse_bytes("18446744073709551615"), std::numeric_limits<std::uint64_t>::max());
}

TEST(ParseBytes, SaysWhatItExpected) {
  EXPECT_THAT(parse_bytes("5 apples").error().message,
              HasSubstr("expected a number of bytes like 4096, 64K, 8M, 1G or 512KiB"));
  EXPECT_THAT(parse_bytes("-1K").error().message, HasSubstr("whole number of bytes that is not negative"));
  EXPECT_THAT(parse_bytes("1.5").error().message, HasSubstr("whole number of bytes"));
  EXPECT_THAT(parse_bytes("99999999T").error().message, HasSubstr("too large"));
  EXPECT_FALSE(parse_bytes("1KB")) << "1000 or 1024?";
}

TEST(Format, DurationsRoundToTheNextUnit) {
  const auto f = [](double s) { return format_duration(Duration(s)); };
  EXPECT_EQ(f(0), "0 ms");
  EXPECT_EQ(f(0.0012), "1.2 ms");
  EXPECT_EQ(f(0.25), "250 ms");
  EXPECT_EQ(f(0.9997), "1 s");
  EXPECT_EQ(f(1.23), "1.2 s");
  EXPECT_EQ(f(9.97), "10 s");
  EXPECT_EQ(f(59.7), "1 min");
  EXPECT_EQ(f(200), "3 min 20 s");
  EXPECT_EQ(f(3599.6), "1 h");
  EXPECT_EQ(f(7500), "2 h 5 min");
  EXPECT_EQ(f(86399), "1 d");
  EXPECT_EQ(f(100000), "1 d 4 h");
  EXPECT_EQ(f(-5), "-5 s");
  EXPECT_EQ(f(std::numeric_limits<double>::infinity()), "inf");
}

TEST(Format, BytesAndCounts) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(65536), "64 KiB");
  EXPECT_EQ(format_bytes(1610612736), "1.5 GiB");
  EXPECT_EQ(format_bytes(1048575), "1 MiB");
  EXPECT_EQ(format_bytes(~std::uint64_t{0}), "16 EiB");
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(-1234567), "-1,234,567");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(std::numeric_limits<std::int64_t>::min()), "-9,223,372,036,854,775,808");
}

TEST(Format, SignificantDigitsWithoutAnExponentWhereThatReadsWell) {
  EXPECT_EQ(format_significant(0.034712, 3), "0.0347");
  EXPECT_EQ(format_significant(12.345, 3), "12.3");
  EXPECT_EQ(format_significant(1.23e-9, 2), "1.2e-09");
  EXPECT_EQ(format_significant(1234567, 3), "1234567");
  EXPECT_EQ(format_significant(-1234.6, 3), "-1235");
  EXPECT_EQ(format_significant(999.96, 3), "1000");
  EXPECT_EQ(format_significant(6.02e23, 3), "6.02e+23");
  EXPECT_EQ(format_significant(-0.0, 3), "0");
  EXPECT_EQ(format_significant(std::nan(""), 3), "nan");
}

TEST(Format, PValues) {
  EXPECT_EQ(format_p_value(0.01234), "p = 0.012");
  EXPECT_EQ(format_p_value(1), "p = 1");
  EXPECT_EQ(format_p_value(1e-12), "p < 1e-9");
  EXPECT_EQ(format_p_value(std::nan("")), "p = nan");
}

}  // namespace
}  // namespace gimbal
