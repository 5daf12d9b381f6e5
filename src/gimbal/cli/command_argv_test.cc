#include "gimbal/cli/command_argv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/cli/command.h"

namespace gimbal::cli {
namespace {

// A command with an option of each kind.
class ArgvSplitting : public ::testing::Test {
 protected:
  ArgvSplitting() : command_("toy", "Plays.") {
    command_.option("-o, --out, --output", &out_).value("FILE").file();
    command_.option("--arm", &arms_);
    command_.option("--folds", &folds_).value("N");
    command_.option("--delta", &delta_);
    command_.option("--bootstrap", &draws_).min(0).optional_value("2000");
    command_.option("--resume", &resume_).folder().optional_value("");
    command_.flag("-q, --quiet", &quiet_);
    command_.flag("-v, --verbose", &verbose_);
    command_.flag("--known", &known_).negatable();
    command_.option("--n-test", &folds_);
    command_.option("--n-train", &folds_);
    for (const auto& option : command_.options()) specs_.push_back(option.get());
  }

  // "out=a|b quiet=true : x y": the options in the order declared, then the positionals; or the error.
  std::string parse(const std::vector<std::string>& words) {
    const Result<Argv> argv = split_argv("gimbal toy", specs_, words);
    if (!argv) return argv.error().text();
    std::string text;
    for (const GivenOption& given : argv->options) {
      text += given.spec->key() + "=";
      for (std::size_t i = 0; i < given.words.size(); ++i) text += (i > 0 ? "|" : "") + given.words[i];
      text += " ";
    }
    text += ":";
    for (const std::string& word : argv->words) text += " " + word;
    return text;
  }

  Command command_;
  std::vector<const OptionSpec*> specs_;
  std::string out_;
  std::vector<std::string> arms_;
  int folds_ = 5;
  double delta_ = 0;
  int draws_ = 0;
  std::optional<std::string> resume_;
  bool quiet_ = false, verbose_ = false, known_ = true;
};

TEST_F(ArgvSplitting, OptionsAndPositionalsMayBeMixed) {
  EXPECT_EQ(parse({"a", "--out", "f", "b", "-q", "c"}), "out=f quiet=true : a b c");
  EXPECT_EQ(parse({}), ":");
}

TEST_F(ArgvSplitting, ValuesStandBehindABlankOrAnEqualsSign) {
  EXPECT_EQ(parse({"--out=f"}), "out=f :");
  EXPECT_EQ(parse({"--out=a=b"}), "out=a=b :");
  EXPECT_EQ(parse({"--output", "f"}), "out=f :");
  EXPECT_EQ(parse({"-o", "f"}), "out=f :");
  EXPECT_EQ(parse({"-of"}), "out=f :");
  EXPECT_EQ(parse({"-o=f"}), "out=f :");
}

TEST_F(ArgvSplitting, ShortFlagsMayBeClustered) {
  EXPECT_EQ(parse({"-qv"}), "quiet=true verbose=true :");
  EXPECT_EQ(parse({"-qof", "x"}), "out=f quiet=true : x");
  EXPECT_EQ(parse({"-qvo", "f", "x"}), "out=f quiet=true verbose=true : x");
}

TEST_F(ArgvSplitting, ARepeatableOptionTakesOneWordATime) {
  EXPECT_EQ(parse({"--arm", "a", "data.csv", "--arm", "b,c", "more.csv"}), "arm=a|b,c : data.csv more.csv");
}

TEST_F(ArgvSplitting, ValuesReachTheOptionAsTheyAre) {
  EXPECT_EQ(parse({"--arm", "[a,b]"}), "arm=[a,b] :");
  EXPECT_EQ(parse({"--arm", "\"a,b\""}), "arm=\"a,b\" :");
  EXPECT_EQ(parse({"--arm", ""}), "arm= :");
  EXPECT_EQ(parse({"--arm", "{a}", "[b]", "%c", "d e"}), "arm={a} : [b] %c d e");
}

TEST_F(ArgvSplitting, AnOptionalValueTakesTheNextWordOnlyIfItFits) {
  EXPECT_EQ(parse({"--bootstrap", "500", "policy.json"}), "bootstrap=500 : policy.json");
  EXPECT_EQ(parse({"--bootstrap", "policy.json"}), "bootstrap=2000 : policy.json");
  EXPECT_EQ(parse({"--bootstrap", "-1"}), "bootstrap=2000 : -1") << "below the least value";
  EXPECT_EQ(parse({"--bootstrap", "--quiet"}), "bootstrap=2000 quiet=true :");
  EXPECT_EQ(parse({"--bootstrap"}), "bootstrap=2000 :");
  EXPECT_EQ(parse({"--bootstrap=7"}), "bootstrap=7 :");
  EXPECT_EQ(parse({"--bootstrap", "--", "500"}), "bootstrap=2000 : 500");
}

TEST_F(ArgvSplitting, AnOptionalPathTakesTheNextWordUnlessItBeginsWithADash) {
  EXPECT_EQ(parse({"--resume", "runs/a"}), "resume=runs/a :");
  EXPECT_EQ(parse({"--resume", "-q"}), "resume= quiet=true :");
  EXPECT_EQ(parse({"--resume"}), "resume= :");
}

TEST_F(ArgvSplitting, NumbersWithASignAreValuesAndPositionals) {
  EXPECT_EQ(parse({"--delta", "-0.5"}), "delta=-0.5 :");
  EXPECT_EQ(parse({"--delta", "-.5", "-3", "-.25"}), "delta=-.5 : -3 -.25");
  EXPECT_EQ(parse({"-", "-o", "-"}), "out=- : -") << "a single dash is a name for standard input";
}

TEST_F(ArgvSplitting, WordsBehindTwoDashesArePositional) {
  EXPECT_EQ(parse({"--arm", "a", "--", "--quiet", "-o", "--", "x"}), "arm=a : --quiet -o -- x");
  EXPECT_EQ(parse({"--arm", "--", "x"}), "arm=-- : x") << "the value of an option is no mark";
}

TEST_F(ArgvSplitting, NegatableFlagsTakeTheLastWord) {
  EXPECT_EQ(parse({"--no-known"}), "known=false :");
  EXPECT_EQ(parse({"--known", "--no-known"}), "known=true|false :");
  EXPECT_EQ(parse({"--known=false"}), "known=false :");
}

TEST_F(ArgvSplitting, UnknownOptionsAreNamedWithTheNearest) {
  EXPECT_EQ(parse({"--fold", "3"}),
            "unknown option --fold of gimbal toy; options are not abbreviated, did you mean --folds?\n"
            "  `gimbal toy --help` lists its options");
  EXPECT_EQ(parse({"--n-t=3"}),
            "unknown option --n-t of gimbal toy; options are not abbreviated, did you mean --n-test or --n-train?\n"
            "  `gimbal toy --help` lists its options");
  EXPECT_EQ(parse({"--fodls=3"}),
            "unknown option --fodls of gimbal toy; did you mean --folds?\n  `gimbal toy --help` lists its options");
  EXPECT_EQ(parse({"--entirely-else"}),
            "unknown option --entirely-else of gimbal toy\n  `gimbal toy --help` lists its options");
  EXPECT_EQ(parse({"-x"}), "unknown option -x of gimbal toy\n  `gimbal toy --help` lists its options");
  EXPECT_EQ(parse({"--no-quiet"}),
            "unknown option --no-quiet of gimbal toy; did you mean --quiet?\n  `gimbal toy --help` lists its options");
}

TEST_F(ArgvSplitting, MissingValuesAreNamed) {
  EXPECT_EQ(parse({"--folds"}), "--folds: expected an integer behind it, found the end of the line");
  EXPECT_EQ(parse({"-qo"}), "-o: expected a file behind it, found the end of the line");
  EXPECT_EQ(parse({"--out="}), "--out: expected a file after '=', found nothing");
  EXPECT_EQ(parse({"--out", "--quiet"}),
            "--out: expected a file, found the option --quiet of gimbal toy; write --out=--quiet if it is meant as a value");
  EXPECT_EQ(parse({"--out=--quiet"}), "out=--quiet :");
}

class Positionals : public ::testing::Test {
 protected:
  std::string share(const Command& command, const std::vector<std::string>& words) {
    std::vector<const OptionSpec*> specs;
    for (const auto& positional : command.positionals()) specs.push_back(positional.get());
    const auto shared = share_positionals("gimbal toy ...", specs, words);
    if (!shared) return shared.error().text();
    std::string text;
    for (const GivenPositional& given : *shared) {
      text += (text.empty() ? "" : " ") + given.spec->placeholder + "=";
      for (std::size_t i = 0; i < given.words.size(); ++i) text += (i > 0 ? "|" : "") + given.words[i];
    }
    return text;
  }
  std::string a_, b_;
  std::vector<std::string> many_;
};

TEST_F(Positionals, FixedOnesGetTheirWordsFromBothEnds) {
  Command command("toy", "Plays.");
  command.positional("POLICY", &many_).count(1);
  command.positional("TEST", &a_).help("rows to test on");
  EXPECT_EQ(share(command, {"p1", "p2", "t"}), "POLICY=p1|p2 TEST=t");
  EXPECT_EQ(share(command, {"p1", "t"}), "POLICY=p1 TEST=t");
  EXPECT_EQ(share(command, {"p1"}), "TEST: missing: rows to test on\n  usage: gimbal toy ...");
}

TEST_F(Positionals, NoneOrSeveralMayBeAllowed) {
  Command command("toy", "Plays.");
  command.positional("POLICY", &many_).count(0);
  command.positional("TEST", &a_);
  EXPECT_EQ(share(command, {"t"}), "POLICY= TEST=t");
  EXPECT_EQ(share(command, {"p", "t"}), "POLICY=p TEST=t");
}

TEST_F(Positionals, AWordTooManyIsNamed) {
  Command command("toy", "Plays.");
  command.positional("FIRST", &a_);
  command.positional("SECOND", &b_).optional();
  EXPECT_EQ(share(command, {"x"}), "FIRST=x SECOND=");
  EXPECT_EQ(share(command, {"x", "y"}), "FIRST=x SECOND=y");
  EXPECT_EQ(share(command, {"x", "y", "z"}), "unexpected word \"z\"\n  usage: gimbal toy ...");
}

}  // namespace
}  // namespace gimbal::cli
