#include "gimbal/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/base/random.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/cli/test_host.h"

namespace gimbal::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A component that measures a file: `gimbal toy weigh FILE`, with a verb beside it that only has another option.
CommandGroup toy_commands() {
  struct Flags {
    std::string file;
    double scale = 1;
    std::vector<std::string> parts;
    std::int64_t draws = 0;
    bool strict = false;
    std::optional<std::string> out;
    std::string fail_with;
  };
  auto flags = std::make_shared<Flags>();
  Command weigh("weigh", "Weigh a file.");
  weigh.description("Puts the file on the scales and reads them.\n\nTwice if need be.");
  weigh.positional("FILE", &flags->file).file().help("what is weighed");
  weigh.option("--scale", &flags->scale).value("X").above(0).help("how much the scales exaggerate").group("Scales");
  weigh.option("--part", &flags->parts).value("NAME").help("weigh this part alone");
  add_bootstrap(weigh, &flags->draws, 2000);
  add_strict(weigh, &flags->strict);
  add_out(weigh, &flags->out);
  weigh.option("--fail-with", &flags->fail_with).hidden();
  weigh.example("gimbal toy weigh apple.txt --scale 2", "An apple, exaggerated.");
  weigh.run([flags](CommandContext& context) -> Result<int> {
    if (flags->fail_with == "check") GIMBAL_CHECK(flags->scale < 0, "scales are upside down");
    if (flags->fail_with == "exception") throw std::out_of_range("no such part");
    if (flags->fail_with == "data") {
      return fail(Error{ErrorCode::kInsufficientData, "the apple is too small", {"try a pear"}, "apple.txt:3:7"});
    }
    if (flags->fail_with == "interrupt") return fail(ErrorCode::kInterrupted, "interrupted after 3 parts");
    if (flags->fail_with == "negative") return 1;
    context.lap("read");
    context.warn("light", "the apple is light", 3);
    context.print(fmt::format("{} weighs {}", flags->file, shortest(flags->scale)));
    DocumentWriter document("gimbal.toy.weigh/1");
    document.json().field("file", flags->file).field("scale", flags->scale).field("draws", flags->draws);
    document.json().key("options").raw(context.options_json());
    GIMBAL_TRY(finish_document(context, document, flags->out));
    return 0;
  });
  auto colour = std::make_shared<std::string>("red");
  Command paint("paint", "Paint a file.");
  paint.option("--colour", colour.get()).help("of the paint");
  paint.example("gimbal toy paint");
  paint.run([colour](CommandContext& context) -> Result<int> {
    context.print("painted " + *colour);
    DocumentWriter document("gimbal.toy.paint/1");
    GIMBAL_TRY(finish_document(context, document));
    return 0;
  });
  CommandGroup group("toy", "Weigh and paint files.");
  group.add(std::move(weigh)).add(std::move(paint));
  return group;
}

CommandGroup hello_commands() {
  Command hello("hello", "Greet.");
  hello.example("gimbal hello");
  hello.run([](CommandContext& context) -> Result<int> {
    context.print(fmt::format("hello, seed {}", context.seed));
    DocumentWriter document("gimbal.hello/1");
    GIMBAL_TRY(finish_document(context, document));
    return 0;
  });
  return CommandGroup::single(std::move(hello));
}

constexpr CommandEntry kEntries[] = {
    {"toy", "Weigh and paint files.", toy_commands},
    {"hello", "Greet.", hello_commands},
};

class CommandLine : public ::testing::Test {
 protected:
  CommandLine() : folder_(*TemporaryFolder::create()) {}

  int run(std::vector<std::string> words) { return host_.run(kEntries, std::move(words)); }
  std::string write(const std::string& name, std::string_view text) {
    const std::string path = (folder_.path() / name).string();
    EXPECT_TRUE(write_atomic(path, text));
    return path;
  }
  // The error message of a run that fails as a usage error.
  std::string error_of(std::vector<std::string> words) {
    EXPECT_EQ(run(std::move(words)), 2);
    EXPECT_EQ(host_.out, "");
    return host_.err;
  }
  // value and source of one option in the document that the last run printed.
  std::string resolved(std::string_view key) {
    const auto options = JsonView::parse(host_.out, "out")->get("options");
    const auto option = options->get(key);
    return option->get("value")->text() + " " + *option->string("source");
  }

  TemporaryFolder folder_;
  TestHost host_;
};

TEST_F(CommandLine, RunsACommandAndPrintsItsSummary) {
  EXPECT_EQ(run({"toy", "weigh", "apple.txt", "--scale", "2"}), 0);
  EXPECT_EQ(host_.out, "apple.txt weighs 2\n");
  EXPECT_EQ(host_.err, "gimbal: warning: the apple is light\n");
}

TEST_F(CommandLine, QuietLeavesStderrEmpty) {
  EXPECT_EQ(run({"toy", "weigh", "apple.txt", "-q"}), 0);
  EXPECT_EQ(host_.out, "apple.txt weighs 1\n");
  EXPECT_EQ(host_.err, "");
}

TEST_F(CommandLine, JsonPrintsOneDocumentWithTheCommonFields) {
  EXPECT_EQ(run({"toy", "weigh", "apple.txt", "--json", "--bootstrap"}), 0);
  EXPECT_EQ(host_.err, "");
  EXPECT_EQ(host_.out,
            R"({"schema":"gimbal.toy.weigh/1","gimbal":"0.1.0","file":"apple.txt","scale":1,"draws":2000,"options":{)"
            R"("scale":{"value":1,"source":"default"},"part":{"value":[],"source":"default"},)"
            R"("bootstrap":{"value":2000,"source":"flag"},"strict":{"value":false,"source":"default"},)"
            R"("out":{"value":null,"source":"default"},"fail-with":{"value":"","source":"default"},)"
            R"("json":{"value":true,"source":"flag"},"quiet":{"value":false,"source":"default"},)"
            R"("verbose":{"value":false,"source":"default"},"config":{"value":null,"source":"default"},)"
            R"("seed":{"value":0,"source":"default"},"threads":{"value":0,"source":"default"}},)"
            R"("warnings":[{"code":"light","message":"the apple is light","count":3}],)"
            R"("timing_ms":{"read":0,"total":0}})"
            "\n");
}

TEST_F(CommandLine, TheOutOptionWritesTheSameDocument) {
  const std::string path = (folder_.path() / "out.json").string();
  EXPECT_EQ(run({"toy", "weigh", "apple.txt", "--json", "-o", path}), 0);
  EXPECT_EQ(*read_file(path), host_.out);
}

TEST_F(CommandLine, CommonOptionsMayStandInFrontOfTheCommand) {
  EXPECT_EQ(run({"--seed", "7", "hello"}), 0);
  EXPECT_EQ(host_.out, "hello, seed 7\n");
  EXPECT_EQ(run({"--json", "--seed=3", "toy", "weigh", "a"}), 0);
  EXPECT_EQ(resolved("seed"), "3 flag");
}

TEST_F(CommandLine, AFlagBeatsTheEnvironmentBeatsFilesBeatsDefaults) {
  const std::string config = write("job.toml", "seed = 1\n[toy.weigh]\nscale = 4\n");
  const auto seed_and_scale = [&](std::vector<std::string> more) {
    std::vector<std::string> words{"toy", "weigh", "apple.txt", "--json"};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(run(words), 0) << host_.out;
    return resolved("seed") + ", " + resolved("scale");
  };
  EXPECT_EQ(seed_and_scale({}), "0 default, 1 default");
  host_.user_config = write("config.toml", "seed = 9\n[toy]\nscale = 5\n");
  EXPECT_EQ(seed_and_scale({}), "9 file, 5 file");
  EXPECT_EQ(seed_and_scale({"--config", config}), "1 file, 4 file");
  host_.environment = {{"GIMBAL_SEED", "2"}, {"GIMBAL_TOY_SCALE", "3"}};
  EXPECT_EQ(seed_and_scale({"--config", config}), "2 environment, 3 environment");
  EXPECT_EQ(seed_and_scale({"--config", config, "--seed", "5", "--scale", "6"}), "5 flag, 6 flag");
  host_.environment = {{"GIMBAL_SEED", ""}, {"GIMBAL_CONFIG", config}};
  EXPECT_EQ(seed_and_scale({}), "1 file, 4 file") << "an empty variable is none";
}

TEST_F(CommandLine, TheNarrowerTableWins) {
  const std::string config = write("job.toml", "scale = 2\n[toy]\nscale = 3\ncolour = 'blue'\n[toy.weigh]\nscale = 4\n");
  EXPECT_EQ(run({"toy", "weigh", "a", "--json", "--config", config}), 0);
  EXPECT_EQ(resolved("scale"), "4 file");
  const std::string without = write("two.toml", "scale = 2\n[toy]\nscale = 3\n[toy.paint]\ncolour = 'blue'\n");
  EXPECT_EQ(run({"toy", "weigh", "a", "--json", "--config", without}), 0);
  EXPECT_EQ(resolved("scale"), "3 file");
  EXPECT_EQ(run({"toy", "paint", "--config", write("three.toml", "[toy]\nscale = 3\ncolour = 'blue'\n")}), 0);
  EXPECT_EQ(host_.out, "painted blue\n") << "a key of [toy] that only the other verb has is left alone";
}

TEST_F(CommandLine, FilesKnowArraysAliasesAndOptionalValues) {
  const std::string config = write("job.toml", "part = ['a', 'b,c', 'd\"e']\nbootstrap = true\noutput = '-ignored-'\n");
  const std::string out = (folder_.path() / "x.json").string();
  EXPECT_EQ(run({"toy", "weigh", "a", "--json", "--config", config, "-o", out}), 0);
  EXPECT_EQ(resolved("part"), R"(["a","b,c","d\"e"] file)");
  EXPECT_EQ(resolved("bootstrap"), "2000 file");
  EXPECT_EQ(run({"toy", "weigh", "a", "--json", "--config", write("two.toml", "part = 'a,b'\nbootstrap = false\n")}), 0);
  EXPECT_EQ(resolved("part"), R"(["a","b"] file)");
  EXPECT_EQ(resolved("bootstrap"), "0 default");
}

TEST_F(CommandLine, ErrorsOfFilesNameThePosition) {
  const auto error_with = [&](std::string_view toml) {
    const std::string path = write("job.toml", toml);
    std::string error = error_of({"toy", "weigh", "a", "--config", path});
    const std::size_t at = error.find(path);
    EXPECT_NE(at, std::string::npos) << error;
    return at == std::string::npos ? error : error.replace(at, path.size(), "job.toml");
  };
  EXPECT_EQ(error_with("seed = 1\nscael = 2\n"),
            "gimbal: error: job.toml:2:1: unknown key \"scael\"; did you mean \"scale\"?\n");
  EXPECT_EQ(error_with("[toy]\nscael = 2\n"),
            "gimbal: error: job.toml:2:1: unknown key \"scael\" in [toy]; did you mean \"scale\"?\n");
  EXPECT_EQ(error_with("[toy.weigh]\ncolour = 'red'\n"),
            "gimbal: error: job.toml:2:1: unknown key \"colour\" in [toy.weigh]\n");
  EXPECT_EQ(error_with("colour = 'red'\n"), "gimbal: error: job.toml:1:1: unknown key \"colour\"\n");
  EXPECT_EQ(error_with("\n[toyy]\n"), "gimbal: error: job.toml:2:1: unknown table [toyy]; did you mean \"toy\"?\n");
  EXPECT_EQ(error_with("[toy.wiegh]\n"), "gimbal: error: job.toml:1:1: unknown table [toy.wiegh]; did you mean \"weigh\"?\n");
  EXPECT_EQ(error_with("scale = 'x'\n"), "gimbal: error: job.toml:1:1: scale: expected a number above 0, found \"x\"\n");
  EXPECT_EQ(error_with("scale = [1, 2]\n"), "gimbal: error: job.toml:1:1: scale: expected one value, found an array\n");
  EXPECT_EQ(error_with("out = 'a'\noutput = 'b'\n"),
            "gimbal: error: job.toml:2:1: \"out\" and \"output\" are names of the same option\n");
  EXPECT_THAT(error_with("scale = \n"), StartsWith("gimbal: error: job.toml:1:"));
}

TEST_F(CommandLine, TheUsersFileHasOnlyCommonOptionsAtTheTop) {
  host_.user_config = write("config.toml", "scale = 2\n");
  EXPECT_EQ(error_of({"toy", "weigh", "a"}), "gimbal: error: " + host_.user_config +
                                                 ":1:1: unknown key \"scale\" (at the top level only the options of every "
                                                 "command)\n");
  host_.user_config = write("config.toml", "config = 'x'\n");
  EXPECT_THAT(error_of({"toy", "weigh", "a"}), HasSubstr("unknown key \"config\""));
  host_.user_config = (folder_.path() / "absent.toml").string();
  EXPECT_EQ(run({"hello"}), 0) << "no file is no error";
}

TEST_F(CommandLine, AMissingConfigurationFileIsNamed) {
  EXPECT_THAT(error_of({"hello", "--config", "/nowhere/job.toml"}), HasSubstr("/nowhere/job.toml"));
}

TEST_F(CommandLine, ErrorsOfFlagsAndVariablesNameThem) {
  EXPECT_EQ(error_of({"toy", "weigh", "a", "--scale", "x"}),
            "gimbal: error: --scale: expected a number above 0, found \"x\"\n");
  host_.environment = {{"GIMBAL_TOY_SCALE", "x"}, {"GIMBAL_SEED", "-1"}};
  EXPECT_EQ(error_of({"toy", "weigh", "a"}),
            "gimbal: error: GIMBAL_TOY_SCALE: expected a number above 0, found \"x\"\n"
            "  GIMBAL_SEED: expected an integer of at least 0, found \"-1\"\n")
      << "all wrong values are named at once";
}

TEST_F(CommandLine, MisspeltCommandsGetASuggestion) {
  EXPECT_EQ(error_of({"tyo", "weigh"}),
            "gimbal: error: unknown command \"tyo\"; did you mean \"toy\"?\n  `gimbal --help` lists the commands\n");
  EXPECT_EQ(error_of({"toy", "wiegh"}),
            "gimbal: error: unknown command \"wiegh\" of `gimbal toy`; did you mean \"weigh\"?\n"
            "  `gimbal toy --help` lists its commands\n");
  EXPECT_EQ(
      error_of({"weigh"}),
      "gimbal: error: unknown command \"weigh\"; did you mean `gimbal toy weigh`?\n  `gimbal --help` lists the commands\n");
  EXPECT_EQ(error_of({"toy"}),
            "gimbal: error: expected a command of `gimbal toy`: weigh or paint\n  `gimbal toy --help` lists its commands\n");
  EXPECT_EQ(error_of({"--frobnicate"}),
            "gimbal: error: expected a command, found the option --frobnicate\n  `gimbal --help` lists the commands\n");
}

TEST_F(CommandLine, MissingPositionalsShowTheUsage) {
  EXPECT_EQ(error_of({"toy", "weigh"}),
            "gimbal: error: FILE: missing: what is weighed\n  usage: gimbal toy weigh FILE [options]\n");
}

TEST_F(CommandLine, WithJsonUsageErrorsComeAsADocument) {
  EXPECT_EQ(run({"toy", "weigh", "a", "--scale", "x", "--json"}), 2);
  EXPECT_EQ(host_.err, "");
  EXPECT_EQ(host_.out,
            R"({"schema":"gimbal.error/1","gimbal":"0.1.0","exit":2,"error":{"code":"usage",)"
            R"("message":"expected a number above 0, found \"x\"","notes":[],"where":"--scale","field":null,"details":null},)"
            R"("warnings":[],"timing_ms":{"total":0}})"
            "\n");
  EXPECT_EQ(run({"toy", "--json"}), 2);
  EXPECT_THAT(host_.out, StartsWith(R"({"schema":"gimbal.error/1")"));
  EXPECT_EQ(run({"tyo", "--json"}), 2);
  EXPECT_THAT(host_.out, StartsWith(R"({"schema":"gimbal.error/1")"));
  host_.environment["GIMBAL_JSON"] = "1";
  EXPECT_EQ(run({"toy", "weigh"}), 2);
  EXPECT_THAT(host_.out, StartsWith(R"({"schema":"gimbal.error/1")"));
}

TEST_F(CommandLine, ErrorsGiveTheirExitCode) {
  EXPECT_EQ(run({"toy", "weigh", "a", "--fail-with", "data"}), 3);
  EXPECT_EQ(host_.err, "gimbal: error: apple.txt:3:7: the apple is too small\n  try a pear\n");
  EXPECT_EQ(run({"toy", "weigh", "a", "--fail-with", "data", "--json"}), 3);
  EXPECT_THAT(host_.out, HasSubstr(R"("exit":3,"error":{"code":"insufficient_data")"));
  EXPECT_EQ(run({"toy", "weigh", "a", "--fail-with", "interrupt"}), 130);
  EXPECT_EQ(run({"toy", "weigh", "a", "--fail-with", "negative"}), 1);
  EXPECT_EQ(host_.err, "");
}

TEST_F(CommandLine, BugsEndWithSeventyAndSayWhatToReport) {
  EXPECT_EQ(run({"toy", "weigh", "an apple", "--fail-with", "check"}), 70);
  EXPECT_THAT(host_.err, StartsWith("gimbal: error: internal error: "));
  EXPECT_THAT(host_.err, HasSubstr("scales are upside down"));
  EXPECT_THAT(host_.err, HasSubstr("please report"));
  EXPECT_THAT(host_.err, HasSubstr("  gimbal toy weigh \"an apple\" --fail-with check\n"));
  EXPECT_EQ(run({"toy", "weigh", "a", "--fail-with", "exception", "--json"}), 70);
  EXPECT_THAT(host_.out, HasSubstr(R"("code":"internal","message":"internal error: no such part")"));
}

TEST_F(CommandLine, HelpOfTheProgram) {
  const std::string expected =
      R"(gimbal 0.1.0: language models and learned policies that act under uncertainty.

Usage: gimbal COMMAND [options]

Commands:
  toy    Weigh and paint files.
  hello  Greet.

`gimbal COMMAND --help` says more about one of them; `gimbal --version` prints the version.

Example:
  See what this machine can do.
    gimbal doctor
)";
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{}, {"--help"}, {"-h"}, {"help"}, {"--json", "--help"}}) {
    EXPECT_EQ(run(words), 0);
    EXPECT_EQ(host_.out, expected);
  }
}

TEST_F(CommandLine, HelpOfAGroup) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"toy", "--help"}, {"help", "toy"}}) {
    EXPECT_EQ(run(words), 0);
    EXPECT_EQ(host_.out, R"(gimbal toy: Weigh and paint files.

Usage: gimbal toy COMMAND [options]

Commands:
  weigh  Weigh a file.
  paint  Paint a file.

`gimbal toy COMMAND --help` says more about one of them.

Example:
  An apple, exaggerated.
    gimbal toy weigh apple.txt --scale 2
)");
  }
}

TEST_F(CommandLine, HelpOfACommand) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"toy", "weigh", "--help"}, {"help", "toy", "weigh"}, {"toy", "weigh", "--wrong", "-h"}}) {
    EXPECT_EQ(run(words), 0);
    EXPECT_EQ(host_.out, R"(gimbal toy weigh: Weigh a file.

Usage: gimbal toy weigh FILE [options]

  FILE  what is weighed

Puts the file on the scales and reads them.

Twice if need be.

Scales:
  --scale X  how much the scales exaggerate (default: 1)

Options:
  --part NAME      weigh this part alone (comma-separated)
  --bootstrap [B]  bootstrap draws, 0 for none; without B 2000 (default: 0)
  --strict         warnings that the command's page lists become errors
  -o, --out FILE   where the result goes, written atomically (also --output)

Options of every command:
  --json         print one JSON document instead of the summary
  -q, --quiet    nothing on stderr but errors
  -v, --verbose  log what is done, on stderr
  --config FILE  read options from a TOML file
  --seed N       seed of every random draw (default: 0)
  --threads N    threads, 0 for all; results do not depend on it (default: 0)
  -h, --help     print this page

Example:
  An apple, exaggerated.
    gimbal toy weigh apple.txt --scale 2
)");
  }
}

// Any words: an exit code of the list, and with --json exactly one document (help and version are texts for people).
TEST_F(CommandLine, RandomWordsNeverFindABug) {
  const std::vector<std::string> vocabulary{
      "toy",  "weigh",       "paint", "hello",     "help", "--scale", "--scale=2", "--scale=", "-1",     "2",   "x",   "--part",
      "a,b",  "--bootstrap", "--out", "--strict",  "-q",   "-qv",     "-vo",       "--",       "--json", "-",   "",    "--seed",
      "--no", "--config",    "-z",    "--threads", "1",    "[a]",     "=",         "--=x",     "-o=f",   "--h", "a b", "\xff"};
  Stream stream(0, "cli.test.words");
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> words;
    const std::uint64_t length = stream.below(8);
    for (std::uint64_t i = 0; i < length; ++i) {
      std::string word = vocabulary[stream.below(vocabulary.size())];
      // Results go to the test's folder.
      if (word == "--out" || word == "-vo") word = "--out=" + (folder_.path() / "o.json").string();
      if (word != "-o=f") words.push_back(std::move(word));
    }
    const auto mark = std::find(words.begin(), words.end(), "--");
    const bool json = std::find(words.begin(), mark, "--json") != mark;
    std::string line;
    for (const std::string& word : words) line += gimbal::quoted(word) + " ";
    const int code = run(words);
    EXPECT_TRUE(code == 0 || code == 2) << code << ": " << line << host_.err;
    const bool is_text = code == 0 && host_.out.starts_with("gimbal ");
    if (!json || is_text) continue;
    EXPECT_EQ(host_.err, "") << line;
    EXPECT_EQ(std::count(host_.out.begin(), host_.out.end(), '\n'), 1) << line << host_.out;
    EXPECT_TRUE(JsonView::parse(host_.out, "out")) << line << host_.out;
  }
}

TEST_F(CommandLine, VersionIsOneLine) {
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(host_.out, "gimbal 0.1.0\n");
}

}  // namespace
}  // namespace gimbal::cli
