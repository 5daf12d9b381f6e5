#include "gimbal/run/run_record.h"

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/run/run_events.h"

namespace gimbal::run {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

RunRecord full_record() {
  RunRecord record;
  record.id = make_run_id(1, 2, 3);
  record.component = "rl";
  record.verb = "train";
  record.command = {"gimbal", "rl", "train", "--name", "a \"b\""};
  record.status = RunStatus::kDone;
  record.exit = 5;
  record.reason = "time_limit";
  record.started_at = "2026-03-01T12:00:00.250Z";
  record.ended_at = "2026-03-01T13:00:00.250Z";
  record.duration_s = 3600.5;
  record.resumed = {{"2026-03-01T12:30:00.000Z", 100}, {"2026-03-01T12:40:00.000Z", std::nullopt}};
  record.options = {{"steps", "200", "flag"}, {"lists", "[1,2]", "file"}, {"none", "null", "default"}};
  record.seed = ~std::uint64_t{0};
  record.threads = 2;
  record.versions = {"0.1.0", "abc", "GNU 12.2.0", "2.13.0"};
  record.machine = {"A CPU", 2, std::uint64_t{1} << 34, "A GPU", "Linux 6.1"};
  record.inputs = {{"train", "a.jsonl", "00ff"}};
  record.sandbox = {"strict", {"namespaces", "seccomp"}};
  record.last_step = 120;
  record.headline = {{"reward", 0.84, std::nullopt}, {"time", 1.5, "s"}};
  record.usage = {100, 50, 0.25};
  return record;
}

TEST(RunRecord, ReadsBackWhatItWrites) {
  for (const RunRecord& record : {RunRecord{}, full_record()}) {
    const std::string json = run_record_json(record);
    const auto read = parse_run_record(json, "run.json");
    ASSERT_TRUE(read.has_value()) << read.error().text();
    EXPECT_EQ(run_record_json(*read), json);
  }
  EXPECT_EQ(parse_run_record(run_record_json(full_record()), "run.json").value().seed, ~std::uint64_t{0});
}

TEST(RunRecord, RefusesWhatItDoesNotKnow) {
  const std::string good = run_record_json(full_record());
  const auto changed = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return parse_run_record(text, "runs/a/run.json");
  };
  EXPECT_EQ(changed("gimbal.run/1", "gimbal.run/2").error().code, ErrorCode::kVersion);
  EXPECT_EQ(changed("\"done\"", "\"over\"").error().text(),
            "runs/a/run.json: status: expected running, done, failed or interrupted, found \"over\"");
  EXPECT_THAT(changed("\"threads\"", "\"thread\"").error().text(), HasSubstr("\"thread\""));
  EXPECT_THAT(changed("\"seed\":18446744073709551615", "\"seed\":-1").error().text(),
              HasSubstr("expected an integer of at least 0, found \"-1\""));
  EXPECT_EQ(parse_run_record("{", "runs/a/run.json").error().code, ErrorCode::kParseError);
}

TEST(RunId, SortsByTime) {
  EXPECT_EQ(make_run_id(0, 0, 0), "00000000000000000000000000");
  EXPECT_EQ(make_run_id(0, 0, 31), "0000000000000000000000000Z");
  EXPECT_EQ(make_run_id(0, 0xffff, ~std::uint64_t{0}), "0000000000ZZZZZZZZZZZZZZZZ");
  EXPECT_EQ(make_run_id(1, 0, 0), "00000000010000000000000000");
  EXPECT_EQ(make_run_id((std::int64_t{1} << 48) - 1, 0, 0).substr(0, 10), "7ZZZZZZZZZ");
  EXPECT_LT(make_run_id(1'772'366'400'250, 0xffff, 9), make_run_id(1'772'366'400'251, 0, 0));
}

TEST(RunCommandLine, IsQuotedForAShell) {
  RunRecord record;
  record.command = {"gimbal", "policy", "run", "a b.csv", "--baseline=arm:x", "it's", "$HOME", ""};
  EXPECT_EQ(run_command_line(record), R"(gimbal policy run 'a b.csv' --baseline=arm:x 'it'\''s' '$HOME' '')");
}

TEST(RunInputs, CarryTheHashOfTheFile) {
  const TemporaryFolder folder = std::move(TemporaryFolder::create().value());
  const std::string path = (folder.path() / "abc").string();
  ASSERT_TRUE(write_atomic(path, "abc").has_value());
  // FIPS 180-2, appendix B.1.
  EXPECT_EQ(run_input("data", path).value().sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(run_input("data", path + "d").error().code, ErrorCode::kNotFound);
}

TEST(RedactJson, RemovesSecretsFromStringsAndKeepsTheRest) {
  Redactor redactor;
  redactor.add("se\"cret");
  EXPECT_EQ(redact_json(R"({"a":["x se\"cret y",1.5,null,true],"se\"cret":{}})", redactor).value(),
            R"({"a":["x [redacted] y",1.5,null,true],"[redacted]":{}})");
  EXPECT_EQ(redact_json("{", redactor).error().code, ErrorCode::kParseError);
}

TEST(RunEvents, ReadBackAndKeepTheLast) {
  const TemporaryFolder folder = std::move(TemporaryFolder::create().value());
  const std::string file = (folder.path() / "events.jsonl").string();
  std::string text;
  for (int i = 0; i < 10; ++i) {
    text += event_line(
        {i, "2026-03-01T12:00:00.250Z", 0.5 * i, EventLevel::kWarning, "note", "n \"" + std::to_string(i), R"({"a":1})"});
  }
  ASSERT_TRUE(write_atomic(file, text + "{\"seq\":10").has_value());
  const auto all = read_events(file).value();
  ASSERT_EQ(all.size(), 10u);
  EXPECT_EQ(all[3].seq, 3);
  EXPECT_EQ(all[3].elapsed_s, 1.5);
  EXPECT_EQ(all[3].level, EventLevel::kWarning);
  EXPECT_EQ(all[3].message, "n \"3");
  EXPECT_EQ(all[3].data, R"({"a":1})");
  for (const std::size_t count : {0u, 1u, 4u, 10u, 20u}) {
    const auto last = read_events(file, count).value();
    ASSERT_EQ(last.size(), std::min<std::size_t>(count, 10));
    if (!last.empty()) {
      EXPECT_EQ(last.back().seq, 9);
    }
  }
  EXPECT_TRUE(read_events(file + "x").value().empty());
}

TEST(RunEvents, HaveTypesOfTheListOrOfAComponent) {
  for (const char* good : {"start", "end", "policy.overlap", "rl.step_2"}) EXPECT_TRUE(is_event_type(good)) << good;
  for (const char* bad : {"", "begin", "policy.", ".x", "a.b.c", "Policy.x"}) EXPECT_FALSE(is_event_type(bad)) << bad;
}

}  // namespace
}  // namespace gimbal::run
