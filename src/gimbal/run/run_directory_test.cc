#include "gimbal/run/run_directory.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/run/checkpoint.h"
#include "gimbal/run/run_index.h"

namespace gimbal::run {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> lines_of(const std::string& path) {
  std::vector<std::string> lines;
  std::string text = read_file(path).value();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

class RunDirectoryTest : public ::testing::Test {
 protected:
  RunSetup setup(const std::string& name = "run") {
    RunSetup made;
    made.path = at(name);
    made.component = "policy";
    made.verb = "run";
    made.command = {"gimbal", "policy", "run", "campaign.csv", "--folds", "5"};
    made.options_json = R"({"folds":{"value":5,"source":"flag"},"score":{"value":"dr","source":"default"},)"
                        R"("report":{"value":null,"source":"default"}})";
    made.seed = 7;
    made.threads = 2;
    made.versions = {"0.1.0", "0123456789ab", "GNU 12.2.0", std::nullopt};
    return made;
  }
  // No thread: the tests call beat(). Random bits that are the same every time.
  RunServices services() {
    RunServices made;
    made.clock = &clock_;
    made.redactor = &redactor_;
    made.random = [] { return std::uint64_t{0x0123456789abcdef}; };
    made.stop = [this] { ++stops_; };
    made.background = false;
    return made;
  }
  RunDirectory start(const RunSetup& with) { return std::move(RunDirectory::create(with, services()).value()); }
  Result<RunDirectory> resume(const RunSetup& with, const ResumeRules& rules = {}) {
    return RunDirectory::open_for_resume(with.path, with, rules, services());
  }
  std::string at(const std::string& name) const { return (folder_.path() / name).string(); }
  std::string write(const std::string& name, std::string_view content) {
    EXPECT_TRUE(write_atomic(at(name), content).has_value());
    return at(name);
  }

  TemporaryFolder folder_ = std::move(TemporaryFolder::create().value());
  VirtualClock clock_{1'772'366'400.25};  // 2026-03-01T12:00:00.250Z
  Redactor redactor_;
  int stops_ = 0;
};

TEST_F(RunDirectoryTest, WritesTheRecordInTheOrderOfItsFormat) {
  RunSetup made = setup();
  made.inputs = {{"data", "campaign.csv", "ab12"}};
  RunDirectory run = start(made);
  clock_.advance(2.5);
  run.set_headline({{"improvement", 0.034, "per unit"}, {"p", std::numeric_limits<double>::quiet_NaN(), std::nullopt}});
  ASSERT_TRUE(run.metric(3, {{"loss", 0.5}}).has_value());
  ASSERT_TRUE(run.finish(RunStatus::kDone, 5, "time_limit").has_value());

  // The machine is masked; it is checked by its own test. The id was worked out apart: (ms << 80 | bits) in base 32.
  std::string text = read_file(at("run/run.json")).value();
  const std::size_t machine = text.find("\"machine\":"), behind = text.find(",\"inputs\":");
  text.replace(machine, behind - machine, "\"machine\":MACHINE");
  EXPECT_EQ(
      text,
      R"({"schema":"gimbal.run/1","id":"01KJMMA2QTSQQG28T5CY4TQKFF","component":"policy","verb":"run",)"
      R"("command":["gimbal","policy","run","campaign.csv","--folds","5"],"status":"done","exit":5,"reason":"time_limit",)"
      R"("started_at":"2026-03-01T12:00:00.250Z","ended_at":"2026-03-01T12:00:02.750Z","duration_s":2.5,"resumed":[],)"
      R"("options":{"folds":{"value":5,"source":"flag"},"score":{"value":"dr","source":"default"},)"
      R"("report":{"value":null,"source":"default"}},"seed":7,"threads":2,)"
      R"("versions":{"gimbal":"0.1.0","commit":"0123456789ab","compiler":"GNU 12.2.0","libtorch":null},)"
      R"("machine":MACHINE,"inputs":[{"role":"data","path":"campaign.csv","sha256":"ab12"}],)"
      R"("sandbox":{"policy":null,"layers":[]},"last_step":3,)"
      R"("headline":[{"name":"improvement","value":0.034,"unit":"per unit"},{"name":"p","value":null,"unit":null}],)"
      R"("usage":{"prompt_tokens":0,"completion_tokens":0,"cost_usd":null}})"
      "\n");
}

TEST_F(RunDirectoryTest, WritesTheSameBytesForTheSameRunUnderAVirtualClock) {
  for (const char* name : {"a", "b"}) {
    clock_ = VirtualClock(1'772'366'400.25);
    RunDirectory run = start(setup(name));
    clock_.advance(0.1);
    ASSERT_TRUE(run.event("stage", "fitting", R"({"folds":5})").has_value());
    clock_.advance(0.2);
    ASSERT_TRUE(run.metric(1, {{"loss", 0.25}}).has_value());
    ASSERT_TRUE(run.conclude(0).has_value());
  }
  for (const char* file : {"run.json", "events.jsonl", "metrics.jsonl"}) {
    EXPECT_EQ(read_file(at("a/") + file).value(), read_file(at("b/") + file).value()) << file;
  }
}

TEST_F(RunDirectoryTest, LogsEventsAndMetricsLineByLine) {
  RunDirectory run = start(setup());
  clock_.advance(0.1);
  ASSERT_TRUE(run.event("stage", "fitting", R"({"folds":5})").has_value());
  clock_.advance(0.2);  // 0.1 + 0.2 is not 0.3; what is written is whole milliseconds
  ASSERT_TRUE(run.metric(1, {{"loss", 0.25}, {"reward/mean", std::numeric_limits<double>::infinity()}}).has_value());
  ASSERT_TRUE(run.event(EventLevel::kWarning, "policy.overlap", "3 units").has_value());
  const auto events = lines_of(at("run/events.jsonl"));
  ASSERT_EQ(events.size(), 3u);
  EXPECT_THAT(events[0], HasSubstr(R"({"seq":0,"at":"2026-03-01T12:00:00.250Z","elapsed_s":0,"level":"info","type":"start",)"
                                   R"("message":"policy run","data":{"pid":)"));
  EXPECT_EQ(events[1], R"({"seq":1,"at":"2026-03-01T12:00:00.350Z","elapsed_s":0.1,"level":"info","type":"stage",)"
                       R"("message":"fitting","data":{"folds":5}})");
  EXPECT_EQ(events[2], R"({"seq":2,"at":"2026-03-01T12:00:00.550Z","elapsed_s":0.3,"level":"warning",)"
                       R"("type":"policy.overlap","message":"3 units","data":{}})");
  EXPECT_THAT(lines_of(at("run/metrics.jsonl")),
              ElementsAre(R"({"step":1,"time/elapsed_s":0.3,"loss":0.25,"reward/mean":null})"));
}

TEST_F(RunDirectoryTest, RefusesMetricsThatItsFormatDoesNotAllow) {
  RunDirectory run = start(setup());
  ASSERT_TRUE(run.metric(5, {{"loss", 1}}).has_value());
  EXPECT_TRUE(run.metric(5, {{"accuracy", 1}}).has_value());  // the same step again is allowed
  EXPECT_EQ(run.metric(4, {{"loss", 1}}).error().message, "metrics: expected a step of at least 5, the one before, found 4");
  EXPECT_EQ(run.metric(6, {{"Loss", 1}}).error().message,
            "metric \"Loss\": expected a name of a-z, 0-9, '_', '.', '-' with parts joined by '/', and not \"step\"");
  EXPECT_FALSE(run.metric(6, {{"a//b", 1}}).has_value());
  EXPECT_FALSE(run.metric(6, {{"step", 1}}).has_value());
  EXPECT_EQ(run.metric(6, {{"a", 1}, {"a", 2}}).error().message, "metric \"a\" is given twice");
  EXPECT_THAT(lines_of(at("run/metrics.jsonl")), ::testing::SizeIs(2));
  EXPECT_THROW(static_cast<void>(run.event("Fitting", "")), CheckFailure);
}

TEST_F(RunDirectoryTest, NamesItselfAfterTheCommandAndTheTimeAndNumbersTheSecond) {
  RunSetup made = setup();
  made.path.clear();
  made.root = at("runs");
  const RunDirectory first = start(made), second = start(made), third = start(made);
  EXPECT_EQ(first.path(), at("runs/policy-20260301-120000"));
  EXPECT_EQ(second.path(), at("runs/policy-20260301-120000-2"));
  EXPECT_EQ(third.path(), at("runs/policy-20260301-120000-3"));
  EXPECT_EQ(default_run_path(made, clock_), at("runs/policy-20260301-120000-4"));
  made.verb = "simulate";
  EXPECT_EQ(start(made).path(), at("runs/policy-simulate-20260301-120000"));
}

TEST_F(RunDirectoryTest, RefusesAFolderThatHoldsSomething) {
  ASSERT_TRUE(make_folders(at("full")).has_value());
  write("full/notes.txt", "mine");
  const auto full = RunDirectory::create(setup("full"), services());
  EXPECT_EQ(full.error().message, fmt::format("\"{}\" is not empty; choose another folder for the run", at("full")));
  EXPECT_FALSE(exists(at("full/run.lock")));
  start(setup("done"));
  const auto taken = RunDirectory::create(setup("done"), services());
  EXPECT_EQ(taken.error().code, ErrorCode::kAlreadyExists);
  EXPECT_THAT(taken.error().message, EndsWith("holds a run; choose another folder, or continue that run with --resume"));
}

TEST_F(RunDirectoryTest, KeepsArtifactsInsideItsFolder) {
  RunDirectory run = start(setup());
  EXPECT_FALSE(run.has_artifact("models/a.json"));
  ASSERT_TRUE(run.write_artifact("models/a.json", "{}").has_value());
  EXPECT_TRUE(run.has_artifact("models/a.json"));
  EXPECT_EQ(read_file(at("run/artifacts/models/a.json")).value(), "{}");
  EXPECT_EQ(run.write_artifact("../run.json", "{}").error().code, ErrorCode::kPermission);
  EXPECT_EQ(run.write_artifact("/etc/x", "{}").error().code, ErrorCode::kPermission);
}

TEST_F(RunDirectoryTest, KeepsSecretsOutOfEveryFile) {
  const std::string secret = "s3cr\"et-\\key";  // JSON escapes two of its characters
  redactor_.add(secret);
  RunSetup made = setup();
  made.command.push_back("--key=" + secret);
  made.options_json = R"({"key":{"value":)" + json_quote(secret) + R"(,"source":"flag"}})";
  made.inputs = {{"data", "/data/" + secret + "/x.csv", "ab"}};
  RunDirectory run = start(made);
  ASSERT_TRUE(run.event("note", "with " + secret, R"({"deep":[{"key":)" + json_quote(secret) + "}]}").has_value());
  ASSERT_TRUE(run.write_artifact("log.txt", "key " + secret).has_value());
  ASSERT_TRUE(run.write_report("<p>" + secret + "</p>").has_value());
  ASSERT_TRUE(run.add_input({"more", secret, "cd"}).has_value());
  const Result<int> outcome = run.conclude(fail(ErrorCode::kUnavailable, "the server refused {}", secret));
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(at("run"))) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const std::string text = read_file(entry.path().string()).value();
    EXPECT_THAT(text, Not(HasSubstr("s3cr"))) << entry.path();
    if (entry.path().filename() == "run.lock" || text.empty()) continue;
    EXPECT_THAT(text, HasSubstr("[redacted]")) << entry.path();
  }
  EXPECT_EQ(files, 6);  // run.json, run.lock, two logs, artifact, report
}

TEST_F(RunDirectoryTest, LeavesBinaryArtifactsAsTheyAre) {
  redactor_.add("\x01\x02\x03\x04");
  RunDirectory run = start(setup());
  const std::string bytes = "\xff\x01\x02\x03\x04";
  ASSERT_TRUE(run.write_artifact("weights.bin", bytes).has_value());
  EXPECT_EQ(read_file(at("run/artifacts/weights.bin")).value(), bytes);
}

TEST_F(RunDirectoryTest, RecordsHowTheCommandEnded) {
  struct Case {
    Result<int> outcome;
    RunStatus status;
    int exit;
    std::optional<std::string> reason;
  };
  const std::vector<Case> cases = {
      {0, RunStatus::kDone, 0, {}},
      {1, RunStatus::kDone, 1, {}},
      {5, RunStatus::kDone, 5, {}},
      {3, RunStatus::kFailed, 3, {}},
      {130, RunStatus::kInterrupted, 130, {}},
      {fail(ErrorCode::kTimeLimit, "too long"), RunStatus::kFailed, 5, "time_limit"},
      {fail(ErrorCode::kInterrupted, "stopped"), RunStatus::kInterrupted, 130, "interrupted"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    RunDirectory run = start(setup(fmt::format("run{}", i)));
    EXPECT_EQ(run.conclude(cases[i].outcome).has_value(), cases[i].outcome.has_value());
    const RunRecord record = parse_run_record(read_file(run.path() + "/run.json").value(), "run.json").value();
    EXPECT_EQ(record.status, cases[i].status) << i;
    EXPECT_EQ(record.exit, cases[i].exit) << i;
    EXPECT_EQ(record.reason, cases[i].reason) << i;
    EXPECT_EQ(FileLock::holder(run.path() + "/run.lock"), 0) << "an ended run lets its lock go";
  }
}

TEST_F(RunDirectoryTest, StopsWhenAFileNamedStopAppears) {
  RunDirectory run = start(setup());
  run.beat();
  EXPECT_EQ(stops_, 0);
  write("run/stop", "");
  run.beat();
  run.beat();
  EXPECT_EQ(stops_, 1) << "once";
  EXPECT_THAT(lines_of(at("run/events.jsonl")).back(), HasSubstr(R"("type":"stop","message":"the file `stop` was found")"));
  ASSERT_TRUE(run.conclude(fail(ErrorCode::kInterrupted, "stopped")).error().code == ErrorCode::kInterrupted);
  EXPECT_FALSE(exists(at("run/stop"))) << "a resumed run must not stop at once";
}

TEST_F(RunDirectoryTest, TouchesItsLockAtEveryFifthBeat) {
  RunDirectory run = start(setup());
  const std::string lock = at("run/run.lock");
  const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  std::filesystem::last_write_time(lock, old);
  for (int i = 0; i < 4; ++i) run.beat();
  EXPECT_EQ(std::filesystem::last_write_time(lock), old);
  run.beat();
  EXPECT_GT(std::filesystem::last_write_time(lock), old + std::chrono::minutes(59));
}

TEST_F(RunDirectoryTest, LooksForTheStopFileInTheBackground) {
  const RealClock clock;
  std::atomic<int> stops = 0;
  RunServices real;
  real.clock = &clock;
  real.stop = [&] { ++stops; };
  const RunDirectory run = std::move(RunDirectory::create(setup(), real).value());
  write("run/stop", "");
  for (int i = 0; i < 100 && stops == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));  // at most 5 s
  EXPECT_EQ(stops, 1);
}

TEST_F(RunDirectoryTest, TakesEventsAndMetricsFromManyThreads) {
  RunDirectory run = start(setup());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&run] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(run.event("note", "x").has_value());
        EXPECT_TRUE(run.metric(0, {{"loss", 1}}).has_value());
      }
    });
  }
  threads.clear();
  const auto events = read_events(at("run/events.jsonl")).value();
  ASSERT_EQ(events.size(), 201u);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].seq, static_cast<std::int64_t>(i));
  EXPECT_EQ(read_metrics(at("run/metrics.jsonl")).value().lines, 200u);
}

// --- resuming

TEST_F(RunDirectoryTest, RefusesToResumeARunThatIsAlive) {
  const RunDirectory run = start(setup());
  const auto second = resume(setup());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(exit_code(second.error().code), 2);
  EXPECT_EQ(
      second.error().message,
      fmt::format("the run in \"{}\" is alive: its lock is held by process {}; wait for it, or end it with `touch {}/stop`",
                  at("run"), getpid(), at("run")));
}

TEST_F(RunDirectoryTest, RefusesToResumeWhatIsNoRun) {
  EXPECT_EQ(resume(setup("nothing")).error().message,
            fmt::format("\"{}\" holds no run to resume: there is no run.json", at("nothing")));
  EXPECT_FALSE(exists(at("nothing")));
  start(setup());
  RunSetup other = setup();
  other.verb = "simulate";
  EXPECT_THAT(resume(other).error().message, EndsWith("is a run of `gimbal policy run`, not of `gimbal policy simulate`"));
}

TEST_F(RunDirectoryTest, GoesOnWithTheOptionsOfTheRun) {
  start(setup());
  RunSetup again = setup();
  again.options_json = R"({"folds":{"value":10,"source":"default"},"score":{"value":"dr","source":"flag"},)"
                       R"("max-time":{"value":60,"source":"flag"}})";
  const auto run = resume(again);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  const auto options = run->record().options;
  ASSERT_EQ(options.size(), 4u);
  EXPECT_EQ(options[0].value, "5") << "a default of today does not replace what the run was started with";
  EXPECT_EQ(options[0].source, "flag");
  EXPECT_EQ(options[3].name, "max-time");
}

TEST_F(RunDirectoryTest, NamesTheOptionsThatDiffer) {
  start(setup());
  RunSetup again = setup();
  again.options_json = R"({"folds":{"value":10,"source":"flag"},"score":{"value":"ipw","source":"environment"}})";
  EXPECT_EQ(resume(again).error().text(),
            "--folds: a run is resumed with the options that it was started with, and --folds, --score differ\n"
            "  --folds: the run has 5, given now 10\n"
            "  --score: the run has \"dr\", given now \"ipw\"\n"
            "  leave them out to go on with the run's own, or start a new run");
  const auto run = resume(again, {.may_change = {"folds", "score"}});
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->record().options[0].value, "10");
  EXPECT_EQ(run->record().options[1].source, "environment");
}

TEST_F(RunDirectoryTest, RefusesChangedInputsUnlessForced) {
  RunSetup made = setup();
  made.inputs = {run_input("data", write("campaign.csv", "a,b\n1,2\n")).value()};
  start(made);
  ASSERT_TRUE(resume(made).has_value());
  write("campaign.csv", "a,b\n1,3\n");
  // Without inputs of this invocation the recorded file is hashed again.
  for (const bool given : {false, true}) {
    RunSetup again = setup();
    if (given) again.inputs = {run_input("data", at("campaign.csv")).value()};
    const auto refused = resume(again);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(exit_code(refused.error().code), 2);
    ASSERT_EQ(refused.error().notes.size(), 2u);
    EXPECT_THAT(refused.error().notes[0], HasSubstr("campaign.csv\") had SHA-256 "));
    EXPECT_THAT(refused.error().notes[1], HasSubstr("--force"));
  }
  const auto forced = resume(setup(), {.force = true});
  ASSERT_TRUE(forced.has_value()) << forced.error().text();
  EXPECT_THAT(lines_of(at("run/events.jsonl")).back(), HasSubstr("resumed by --force with other inputs: data ("));
}

TEST_F(RunDirectoryTest, CutsTornLastLinesAndCountsOn) {
  {
    RunDirectory run = start(setup());
    clock_.advance(3);
    ASSERT_TRUE(run.metric(4, {{"loss", 1}}).has_value());
    ASSERT_TRUE(run.event("stage", "fitting").has_value());
  }
  ASSERT_TRUE(append_durable(at("run/events.jsonl"), R"({"seq":2,"at":"2026)").has_value());
  ASSERT_TRUE(append_durable(at("run/metrics.jsonl"), R"({"step":5,"lo)").has_value());
  write("run/stop", "");
  clock_.advance(100);  // while nobody worked
  Result<RunDirectory> resumed = resume(setup());
  ASSERT_TRUE(resumed.has_value()) << resumed.error().text();
  EXPECT_FALSE(exists(at("run/stop")));
  EXPECT_EQ(resumed->elapsed_s(), 3);
  EXPECT_FALSE(resumed->metric(3, {{"loss", 1}}).has_value());
  EXPECT_TRUE(resumed->metric(5, {{"loss", 1}}).has_value());
  clock_.advance(1);
  ASSERT_TRUE(resumed->conclude(0).has_value());
  EXPECT_EQ(resumed->record().duration_s, 4);
  ASSERT_EQ(resumed->record().resumed.size(), 1u);
  EXPECT_EQ(resumed->record().resumed[0].at, "2026-03-01T12:01:43.250Z");
  std::vector<std::string> types;
  const auto events = read_events(at("run/events.jsonl")).value();
  for (const RunEvent& event : events) {
    EXPECT_EQ(event.seq, static_cast<std::int64_t>(types.size()));
    types.push_back(event.type);
  }
  EXPECT_THAT(types, ElementsAre("start", "stage", "resume", "end"));
  EXPECT_THAT(lines_of(at("run/metrics.jsonl")), ElementsAre(HasSubstr("\"step\":4"), HasSubstr("\"step\":5")));
}

// Trains to step 4 with checkpoints at 2 and 4, and is killed in step 5.
class CheckpointTest : public RunDirectoryTest {
 protected:
  void SetUp() override {
    RunDirectory run = start(setup());
    for (int step = 1; step <= 5; ++step) {
      clock_.advance(1);
      ASSERT_TRUE(run.metric(step, {{"loss", 1.0 / step}}).has_value());
      if (step % 2 != 0) continue;
      const auto saved = run.checkpoint(step, [&](const std::string& folder) -> Result<void> {
        GIMBAL_TRY(make_folders(folder + "/model"));
        return write_atomic(folder + "/model/weights.bin", fmt::format("weights of step {}", step));
      });
      ASSERT_TRUE(saved.has_value()) << saved.error().text();
    }
    ASSERT_TRUE(make_folders(at("run/artifacts/checkpoint-6.part")).has_value());
  }
  std::vector<std::int64_t> steps() {
    std::vector<std::int64_t> found;
    const Metrics metrics = read_metrics(at("run/metrics.jsonl")).value();
    if (const MetricSeries* loss = metrics.find("loss")) found = loss->step;
    return found;
  }
  ResumeRules rules_{.from = ResumeFrom::kCheckpoints};
};

TEST_F(CheckpointTest, ResumesBehindTheLastCheckpoint) {
  const auto run = resume(setup(), rules_);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->resumed_step(), 4);
  EXPECT_EQ(run->elapsed_s(), 4);
  EXPECT_EQ(run->record().resumed[0].from_step, 4);
  EXPECT_THAT(steps(), ElementsAre(1, 2, 3, 4));
  std::vector<std::string> types;
  const auto events = read_events(at("run/events.jsonl")).value();
  for (const RunEvent& event : events) types.push_back(event.type);
  EXPECT_THAT(types, ElementsAre("start", "checkpoint", "checkpoint", "resume"));
  EXPECT_EQ(read_file(at("run/artifacts/checkpoint-4/model/weights.bin")).value(), "weights of step 4");
  EXPECT_FALSE(exists(at("run/artifacts/checkpoint-6.part")));
}

TEST_F(CheckpointTest, FallsBackFromADamagedCheckpoint) {
  write("run/artifacts/checkpoint-4/model/weights.bin", "weights of step X");  // the same size
  auto run = resume(setup(), rules_);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->resumed_step(), 2);
  EXPECT_THAT(steps(), ElementsAre(1, 2));
  EXPECT_THAT(lines_of(at("run/events.jsonl")).back(), HasSubstr("the content of \\\"model/weights.bin\\\" has changed"));
  EXPECT_FALSE(exists(at("run/artifacts/checkpoint-4")));
  const auto again = run->checkpoint(4, [](const std::string&) { return Result<void>(); });
  EXPECT_TRUE(again.has_value()) << "the step can be saved again";
}

TEST_F(CheckpointTest, SeesFilesThatAreMissingOrCutAndLogsThatAreTooShort) {
  const std::string weights = at("run/artifacts/checkpoint-4/model/weights.bin");
  std::filesystem::resize_file(weights, 3);
  EXPECT_THAT(check_checkpoint(at("run/artifacts"), 4).error().message, EndsWith("has 3 bytes, expected 17"));
  std::filesystem::remove(weights);
  EXPECT_THAT(check_checkpoint(at("run/artifacts"), 4).error().message, EndsWith("\"model/weights.bin\" is missing"));
  std::filesystem::resize_file(at("run/metrics.jsonl"), 10);
  const auto run = resume(setup(), rules_);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->resumed_step(), std::nullopt) << "no checkpoint fits logs of ten bytes";
  EXPECT_THAT(steps(), ElementsAre());
}

TEST_F(CheckpointTest, StartsFromTheBeginningWithoutACheckpoint) {
  std::filesystem::remove_all(at("run/artifacts/checkpoint-2"));
  std::filesystem::remove_all(at("run/artifacts/checkpoint-4"));
  auto run = resume(setup(), rules_);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->resumed_step(), std::nullopt);
  EXPECT_EQ(run->elapsed_s(), 0);
  EXPECT_TRUE(run->metric(1, {{"loss", 1}}).has_value());
}

TEST_F(CheckpointTest, KeepsLogsWhenTheProcessDiedBeforeTheEventOfTheCheckpoint) {
  // The rename has happened, the event has not: the logs are those that the manifest counted.
  const std::string events = at("run/events.jsonl");
  const auto bytes = check_checkpoint(at("run/artifacts"), 4).value().events_bytes;
  std::filesystem::resize_file(events, bytes);
  const auto run = resume(setup(), rules_);
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->resumed_step(), 4);
  EXPECT_THAT(lines_of(events), ::testing::SizeIs(3));  // start, checkpoint 2, resume
}

// --- killed processes

TEST_F(RunDirectoryTest, AKilledRunReadsAsInterruptedAndResumes) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    RunServices in_child = services();
    in_child.background = false;  // threads do not survive a fork in every tool
    auto run = RunDirectory::create(setup(), in_child);
    if (!run) _exit(1);
    for (std::int64_t step = 1;; ++step) {
      if (!run->metric(step, {{"loss", 1}})) _exit(2);
      if (step == 100) static_cast<void>(!::write(ready[1], "x", 1));
    }
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  const RealClock real;
  EXPECT_EQ(read_run(at("run"), real).value().status, RunStatus::kRunning);
  EXPECT_EQ(read_run(at("run"), real).value().holder_pid, child);
  EXPECT_EQ(resume(setup()).error().code, ErrorCode::kConflict);
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(ready[0]);
  close(ready[1]);

  const RunSummary dead = read_run(at("run"), real).value();
  EXPECT_EQ(dead.record.status, RunStatus::kRunning) << "nobody could write another status";
  EXPECT_EQ(dead.status, RunStatus::kInterrupted);
  EXPECT_GE(dead.last_step, 100);
  Result<RunDirectory> run = resume(setup());
  ASSERT_TRUE(run.has_value()) << run.error().text();
  EXPECT_EQ(run->record().last_step, dead.last_step);
  EXPECT_EQ(read_run(at("run"), real).value().status, RunStatus::kRunning);
  ASSERT_TRUE(run->conclude(0).has_value());
  EXPECT_EQ(read_run(at("run"), real).value().status, RunStatus::kDone);
}

TEST_F(RunDirectoryTest, AddsEventsToARunThatHasEnded) {
  {
    RunDirectory run = start(setup());
    EXPECT_EQ(add_event(run.path(), services(), EventLevel::kInfo, "note", "x").error().code, ErrorCode::kConflict);
    ASSERT_TRUE(run.conclude(0).has_value());
  }
  ASSERT_TRUE(
      add_event(at("run"), services(), EventLevel::kInfo, "policy.test_used", "again", R"({"sha256":"ab"})").has_value());
  const auto events = read_events(at("run/events.jsonl")).value();
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[2].seq, 2);
  EXPECT_EQ(events[2].data, R"({"sha256":"ab"})");
  EXPECT_EQ(read_run(at("run"), clock_).value().status, RunStatus::kDone);
}

}  // namespace
}  // namespace gimbal::run
