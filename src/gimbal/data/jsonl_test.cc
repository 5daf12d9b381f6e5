#include "gimbal/data/jsonl.h"

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"

namespace gimbal::data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JsonlRecords parsed(std::string_view text, const JsonlOptions& options = {}) {
  auto records = parse_jsonl(text, "answers.jsonl", options);
  EXPECT_TRUE(records) << records.error().text();
  return records ? std::move(*records) : JsonlRecords();
}

std::string error_of(std::string_view text, const JsonlOptions& options = {}) {
  auto records = parse_jsonl(text, "answers.jsonl", options);
  return records ? "no error" : records.error().text();
}

std::vector<std::string> texts(const JsonlRecords& records) {
  std::vector<std::string> out;
  for (const JsonView& record : records.records) out.push_back(record.text());
  return out;
}

TEST(Jsonl, ReadsRecordsWithTheirLines) {
  const JsonlRecords records = parsed("{\"a\":1}\n\n[2]\r\n\"three\"");
  EXPECT_THAT(texts(records), ElementsAre("{\"a\":1}", "[2]", "\"three\""));
  EXPECT_THAT(records.lines, ElementsAre(1, 3, 4));
  EXPECT_FALSE(records.torn);
  EXPECT_TRUE(parsed("").records.empty());
  EXPECT_THAT(texts(parsed("\xEF\xBB\xBF{}\n")), ElementsAre("{}"));
}

TEST(Jsonl, FieldErrorsNameTheLine) {
  const JsonlRecords records = parsed("{\"a\":1}\n{\"a\":\"x\"}\n");
  EXPECT_THAT(records.records[1].number("a").error().text(), HasSubstr("answers.jsonl:2"));
}

TEST(Jsonl, ReportsBadLinesTogether) {
  const auto records = parse_jsonl("{\"a\":1}\n{\"a\":}\n{}\n{\"b\":1,\"b\":2}\nx\n", "answers.jsonl");
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code, ErrorCode::kParseError);
  EXPECT_EQ(records.error().where, "answers.jsonl:2:6");
  ASSERT_EQ(records.error().notes.size(), 2u);
  EXPECT_THAT(records.error().notes[0], HasSubstr("answers.jsonl:4:"));
  EXPECT_THAT(records.error().notes[1], HasSubstr("answers.jsonl:5:1"));
  const JsonlRecords some = parsed("{\"a\":1}\n{\"a\":}\n{}\n", {.skip_bad = true});
  EXPECT_EQ(some.bad, 1u);
  EXPECT_THAT(some.lines, ElementsAre(1, 3));
}

TEST(Jsonl, TakesAHeaderLineOfTheRightSchema) {
  const JsonlOptions options{.header_schema = "gimbal.label.answers/1"};
  const JsonlRecords records = parsed("{\"schema\":\"gimbal.label.answers/1\",\"task\":\"t\"}\n{\"a\":1}\n", options);
  ASSERT_TRUE(records.header);
  EXPECT_EQ(*records.header->string("task"), "t");
  EXPECT_THAT(records.lines, ElementsAre(2));
  EXPECT_FALSE(parsed("{\"a\":1}\n{\"a\":2}\n", options).header);
  EXPECT_THAT(parsed("{\"a\":1}\n{\"a\":2}\n", options).lines, ElementsAre(1, 2));
  const auto wrong = parse_jsonl("{\"schema\":\"gimbal.label.answers/2\"}\n", "answers.jsonl", options);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kVersion);
  // Without a header schema a record may have a field of that name.
  EXPECT_EQ(parsed("{\"schema\":\"x/1\"}\n").records.size(), 1u);
}

TEST(Jsonl, MissesARequiredHeader) {
  const JsonlOptions options{.header_schema = "gimbal.x/1", .header_required = true};
  EXPECT_EQ(error_of("{\"a\":1}\n", options),
            "answers.jsonl:1: expected a header line with \"schema\": \"gimbal.x/1\", found \"{\\\"a\\\":1}\"");
  EXPECT_THAT(error_of("", options), HasSubstr("found the end of the file"));
}

TEST(Jsonl, ABadFirstLineIsOneErrorAmongOthers) {
  const std::string error = error_of("x\n{}\ny\n", {.header_schema = "gimbal.x/1"});
  EXPECT_THAT(error, HasSubstr("answers.jsonl:1:1"));
  EXPECT_THAT(error, HasSubstr("answers.jsonl:3:1"));
}

TEST(Jsonl, RecognisesATornLastLine) {
  const std::string text = "{\"a\":1}\n{\"a\":2}\n{\"a\"";
  const JsonlRecords records = parsed(text, {.allow_torn = true});
  EXPECT_EQ(records.records.size(), 2u);
  EXPECT_TRUE(records.torn);
  EXPECT_THAT(error_of(text), HasSubstr("answers.jsonl:3:"));
  EXPECT_FALSE(parsed("{\"a\":1}\n{\"a\":2}", {.allow_torn = true}).torn);  // complete but for its line end
  EXPECT_THAT(error_of("{\"a\"\n{\"b\":1}\n", {.allow_torn = true}), HasSubstr("answers.jsonl:1:"));
  EXPECT_EQ(complete_bytes(text), 16u);
  EXPECT_EQ(complete_bytes("{\"a\""), 0u);
}

TEST(Jsonl, RepairsATornFile) {
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const std::string path = (folder->path() / "x.jsonl").string();
  ASSERT_TRUE(append_durable(path, "{\"a\":1}\n{\"a\":"));
  EXPECT_EQ(*repair_torn_line(path), 5u);
  EXPECT_EQ(*read_file(path), "{\"a\":1}\n");
  EXPECT_EQ(*repair_torn_line(path), 0u);
  ASSERT_TRUE(append_durable(path, "{\"a\":2}"));
  EXPECT_EQ(*repair_torn_line(path), 0u);
  EXPECT_EQ(*read_file(path), "{\"a\":1}\n{\"a\":2}\n");
  EXPECT_FALSE(repair_torn_line(path + ".absent"));
}

TEST(Jsonl, GoesOnAfterABadLine) {
  auto reader = JsonlReader::from_text("{}\nbad\n{\"x\":1}\n", "f");
  ASSERT_TRUE(reader);
  ASSERT_TRUE(reader->next());
  EXPECT_FALSE(reader->next());
  EXPECT_EQ(reader->line(), 2u);
  const auto third = reader->next();
  ASSERT_TRUE(third && *third);
  EXPECT_EQ(*(*third)->integer("x"), 1);
  const auto end = reader->next();
  EXPECT_TRUE(end && !*end);
}

TEST(Jsonl, LimitsTheLengthOfALine) {
  const std::string text = "{}\n\"" + std::string(200'000, 'x') + "\"\n{}\n";
  JsonlOptions options;
  options.limits.max_bytes = 70'000;
  EXPECT_THAT(error_of(text, options), HasSubstr("answers.jsonl:2: a line of more than 70000 bytes"));
  EXPECT_EQ(parsed(text).records.size(), 3u);
}

TEST(Jsonl, ReadsFilesOfManyLinesAndCompressedOnes) {
  auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  JsonlWriter writer;
  for (int i = 0; i < 20'000; ++i) writer.add(JsonWriter().begin_object().field("i", i).end_object());
  EXPECT_EQ(writer.lines(), 20'000u);
  for (const char* name : {"x.jsonl", "x.jsonl.gz"}) {
    const std::string path = (folder->path() / name).string();
    ASSERT_TRUE(write_atomic(path, writer.text()));
    const auto records = read_jsonl(path);
    ASSERT_TRUE(records) << records.error().text();
    ASSERT_EQ(records->records.size(), 20'000u);
    for (int i = 0; i < 20'000; ++i) ASSERT_EQ(*records->records[static_cast<std::size_t>(i)].integer("i"), i);
  }
  EXPECT_EQ(read_jsonl((folder->path() / "absent").string()).error().code, ErrorCode::kNotFound);
}

TEST(JsonlWriter, RefusesWhatIsNotOneLine) {
  JsonlWriter writer;
  EXPECT_THROW(writer.add("{\n}"), CheckFailure);
  EXPECT_THROW(writer.add(""), CheckFailure);
}

}  // namespace
}  // namespace gimbal::data
