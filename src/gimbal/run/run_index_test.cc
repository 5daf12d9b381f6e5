#include "gimbal/run/run_index.h"

#include <unistd.h>

#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/run/markup_check.h"
#include "gimbal/run/run_directory.h"
#include "gimbal/run/run_report.h"

namespace gimbal::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Optional;

class RunIndexTest : public ::testing::Test {
 protected:
  RunDirectory start(const std::string& name, const std::string& options = "{}") {
    RunSetup setup;
    setup.path = at(name);
    setup.component = "policy";
    setup.verb = "run";
    setup.command = {"gimbal", "policy", "run"};
    setup.options_json = options;
    RunServices services;
    services.clock = &clock_;
    services.background = false;
    return std::move(RunDirectory::create(setup, services).value());
  }
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(make_folders(std::filesystem::path(at(name)).parent_path().string()).has_value());
    ASSERT_TRUE(write_atomic(at(name), content).has_value());
  }
  std::vector<std::string> listed() {
    std::vector<std::string> names;
    const auto runs = list_runs(at(""), clock_).value();
    for (const RunSummary& run : runs) {
      names.push_back(std::filesystem::path(run.path).lexically_relative(folder_.path()).string());
    }
    return names;
  }

  TemporaryFolder folder_ = std::move(TemporaryFolder::create().value());
  VirtualClock clock_{1'772'366'400.25};
};

TEST_F(RunIndexTest, ListsRunsNewestFirstAndBrokenOnesLast) {
  start("old");
  clock_.advance(10);
  start("deep/er/b");
  start("deep/er/a");
  write("broken/run.json", "{");
  write("plain/notes.txt", "");
  write(".hidden/x/run.json", "{");
  write("1/2/3/4/too_deep/run.json", "{");
  start("old/artifacts/inner");
  std::filesystem::create_directory_symlink(at("old"), at("link"));
  EXPECT_THAT(listed(), ElementsAre("deep/er/a", "deep/er/b", "old", "broken"));
  const auto runs = list_runs(at(""), clock_).value();
  EXPECT_EQ(runs.back().unreadable->code, ErrorCode::kParseError);
  EXPECT_EQ(list_runs(at("nothing"), clock_).error().code, ErrorCode::kNotFound);
}

TEST_F(RunIndexTest, ReadsARunningRunWithItsLatestStep) {
  RunDirectory run = start("a");
  clock_.advance(4);
  ASSERT_TRUE(run.metric(12, {{"loss", 1}}).has_value());
  ASSERT_TRUE(run.event("note", "x").has_value());
  const RunSummary summary = read_run(at("a"), clock_).value();
  EXPECT_EQ(summary.status, RunStatus::kRunning);
  EXPECT_EQ(summary.holder_pid, getpid());
  EXPECT_EQ(summary.record.last_step, std::nullopt);
  EXPECT_EQ(summary.last_step, 12);
  EXPECT_EQ(summary.elapsed_s, 4);
}

TEST_F(RunIndexTest, TrustsTheHeartbeatOfAnotherHost) {
  start("a");  // destroyed: nobody holds its lock
  EXPECT_EQ(read_run(at("a"), clock_).value().status, RunStatus::kInterrupted);
  std::string events = read_file(at("a/events.jsonl")).value();
  const std::string host = fmt::format("\"host\":\"{}\"", host_name());
  events.replace(events.find(host), host.size(), "\"host\":\"elsewhere\"");
  write("a/events.jsonl", events);
  const RealClock now;  // the lock's time is the file system's
  EXPECT_EQ(read_run(at("a"), now).value().status, RunStatus::kRunning);
  using FileClock = std::filesystem::file_time_type::clock;
  std::filesystem::last_write_time(at("a/run.lock"), FileClock::now() - std::chrono::seconds(16));
  EXPECT_EQ(read_run(at("a"), now).value().status, RunStatus::kInterrupted);
}

TEST_F(RunIndexTest, FindsARunByPathNameIdOrAge) {
  start("first");
  clock_.advance(1);
  start("second");
  const std::string root = at(""), id = read_run(at("first"), clock_).value().record.id;
  const auto find = [&](const std::string& text) { return find_run(text, folder_.path().string(), clock_); };
  EXPECT_EQ(find(at("first") + "/").value(), at("first"));
  EXPECT_EQ(find(at("first/run.json")).value(), at("first"));
  EXPECT_EQ(find("second").value(), at("second"));
  EXPECT_EQ(find(id).value(), at("first"));
  EXPECT_EQ(find("latest").value(), at("second"));
  std::string lower = id.substr(0, 14);
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  EXPECT_EQ(find(lower).value(), at("first"));
  EXPECT_THAT(find(id.substr(0, 6)).error().message, HasSubstr("fits 2 runs"));
  EXPECT_EQ(find(id.substr(0, 5)).error().code, ErrorCode::kNotFound) << "too short to be an id";
  EXPECT_THAT(find("frist").error().message, HasSubstr("no run \"frist\"; did you mean \"first\"?"));
}

TEST_F(RunIndexTest, ListsArtifacts) {
  RunDirectory run = start("a");
  ASSERT_TRUE(run.write_artifact("z.txt", "12").has_value());
  ASSERT_TRUE(run.write_artifact("model/a.json", "123").has_value());
  const auto artifacts = list_artifacts(at("a"));
  ASSERT_EQ(artifacts.size(), 2u);
  EXPECT_EQ(artifacts[0].name, "model/a.json");
  EXPECT_EQ(artifacts[0].bytes, 3u);
  EXPECT_EQ(artifacts[1].name, "z.txt");
}

TEST_F(RunIndexTest, ComparesOptionsInputsFiguresAndMetrics) {
  {
    RunDirectory a = start("a", R"({"folds":{"value":5,"source":"default"},"score":{"value":"dr","source":"flag"}})");
    a.set_headline({{"improvement", 0.25, "per unit"}});
    ASSERT_TRUE(a.add_input({"data", "x.csv", "aa"}).has_value());
    ASSERT_TRUE(a.metric(1, {{"loss", 3}}).has_value());
    ASSERT_TRUE(a.metric(2, {{"loss", 1}}).has_value());
    ASSERT_TRUE(a.metric(3, {{"loss", 2}}).has_value());
    ASSERT_TRUE(a.metric(4, {{"loss", std::nan("")}}).has_value());
    ASSERT_TRUE(a.conclude(0).has_value());
    RunDirectory b = start("b", R"({"folds":{"value":10,"source":"flag"},"score":{"value":"dr","source":"file"},)"
                                R"("trim":{"value":0.1,"source":"flag"}})");
    b.set_headline({{"power", 0.8, std::nullopt}});
    ASSERT_TRUE(b.add_input({"data", "x.csv", "bb"}).has_value());
    ASSERT_TRUE(b.conclude(0).has_value());
  }
  const std::vector<RunSummary> runs = {read_run(at("a"), clock_).value(), read_run(at("b"), clock_).value()};
  const RunComparison comparison = compare_runs(runs).value();
  ASSERT_EQ(comparison.options.size(), 2u) << "the same value from another source is no difference";
  EXPECT_EQ(comparison.options[0].name, "folds");
  EXPECT_THAT(comparison.options[0].values, ElementsAre(Optional(std::string("5")), Optional(std::string("10"))));
  EXPECT_EQ(comparison.options[1].name, "trim");
  EXPECT_THAT(comparison.options[1].values, ElementsAre(std::nullopt, Optional(std::string("0.1"))));
  ASSERT_EQ(comparison.inputs.size(), 1u);
  EXPECT_THAT(comparison.inputs[0].sha256, ElementsAre(Optional(std::string("aa")), Optional(std::string("bb"))));
  ASSERT_EQ(comparison.headline.size(), 2u);
  EXPECT_THAT(comparison.headline[0].values, ElementsAre(Optional(0.25), std::nullopt));
  EXPECT_EQ(comparison.headline[0].unit, "per unit");
  ASSERT_EQ(comparison.metrics.size(), 1u) << "times are no result";
  EXPECT_THAT(comparison.metrics[0].last, ElementsAre(Optional(2.0), std::nullopt));
  EXPECT_THAT(comparison.metrics[0].lowest, ElementsAre(Optional(1.0), std::nullopt));
  EXPECT_THAT(comparison.metrics[0].highest, ElementsAre(Optional(3.0), std::nullopt));
}

// --- the report of a run without one

Metrics metrics_of(std::string_view text) {
  const TemporaryFolder folder = std::move(TemporaryFolder::create().value());
  const std::string file = (folder.path() / "metrics.jsonl").string();
  EXPECT_TRUE(write_atomic(file, text).has_value());
  return read_metrics(file).value();
}

TEST(MetricCharts, GroupNamesAndTurnEdgesIntoBands) {
  const Metrics metrics = metrics_of(
      "{\"step\":1,\"time/elapsed_s\":1,\"loss\":2,\"rewards/math\":0.1,\"rewards/code\":0.2,\"acc\":0.5,\"acc/lo\":0.4,\"acc/"
      "hi\":0.6}\n"
      "{\"step\":2,\"time/elapsed_s\":2,\"loss\":1,\"rewards/math\":0.3,\"rewards/code\":0.4,\"acc\":0.6,\"acc/lo\":0.5}\n");
  const std::vector<Chart> charts = metric_charts(metrics, false);
  std::vector<std::string> titles;
  for (const Chart& chart : charts) titles.push_back(chart.title);
  EXPECT_THAT(titles, ElementsAre("loss", "rewards", "acc"));
  EXPECT_THAT(charts[1].svg, HasSubstr("math"));
  EXPECT_THAT(charts[2].svg, HasSubstr("lo to hi"));
  const std::vector<Chart> machine = metric_charts(metrics, true);
  ASSERT_EQ(machine.size(), 1u);
  EXPECT_EQ(machine[0].title, "time/elapsed_s");
}

TEST(MetricCharts, StartAnotherChartWhenColoursAreUsedUp) {
  std::string line = "{\"step\":1";
  for (int i = 0; i < 2 * kPaletteSize + 1; ++i) line += fmt::format(",\"rewards/r{}\":1", i);
  EXPECT_EQ(metric_charts(metrics_of(line + "}\n"), false).size(), 3u);
}

TEST_F(RunIndexTest, ReportsARunFromItsRecordAndLogs) {
  {
    RunDirectory run = start("a", R"({"folds":{"value":5,"source":"flag"}})");
    ASSERT_TRUE(run.metric(1, {{"loss", 2}}).has_value());
    ASSERT_TRUE(run.write_artifact("model.json", "{}").has_value());
    EXPECT_FALSE(run.conclude(fail(ErrorCode::kUnavailable, "no <server> *here*")).has_value());
  }
  const RunSummary run = read_run(at("a"), clock_).value();
  const std::string html = to_html(make_run_report(run).value());
  EXPECT_EQ(html, to_html(make_run_report(run).value()));
  for (const char* part : {"policy run", "folds", "model.json", "unavailable", "no &lt;server&gt; *here*", "<svg", "Events"}) {
    EXPECT_THAT(html, HasSubstr(part));
  }
  EXPECT_EQ(read_markup(html).error, "");
  EXPECT_THAT(html, HasSubstr(kRunReportMark));
  EXPECT_THAT(html, Not(HasSubstr("<server>")));
}

}  // namespace
}  // namespace gimbal::run
