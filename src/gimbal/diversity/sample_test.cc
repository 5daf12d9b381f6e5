// Prompt templates, and the file that keeps drawn samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gimbal/base/file.h"
#include "gimbal/diversity/prompt_template.h"
#include "gimbal/diversity/sample_file.h"

namespace gimbal::diversity {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Task task_of(Entry entry, std::string prompt) {
  Task task;
  task.id = "t";
  task.entry = entry;
  task.prompt = std::move(prompt);
  return task;
}

std::vector<lm::Message> chat(const std::string& name, const Task& task) {
  const auto prompts = PromptTemplate::load(name);
  EXPECT_TRUE(prompts) << prompts.error().text();
  const auto rendered = prompts->render(task, PromptForm::kChat);
  EXPECT_TRUE(rendered) << rendered.error().text();
  return std::get<std::vector<lm::Message>>(*rendered);
}

TEST(PromptTemplate, SaysHowTheProgramIsRun) {
  EXPECT_THAT(chat("zero-shot", task_of(Entry::kStdin, "Add.")).back().content, HasSubstr("standard input"));
  EXPECT_THAT(chat("zero-shot", task_of(Entry::kArgs, "Add.")).back().content, HasSubstr("first argument"));
  Task function = task_of(Entry::kFunction, "n: a number");
  function.function = "g";
  EXPECT_THAT(chat("zero-shot", function).back().content, HasSubstr("`g`"));
  Task asserts = task_of(Entry::kAsserts, "Write add.");
  asserts.tests = {{.id = "0", .input = "assert add(1, 2) == 3", .assertion = true}};
  EXPECT_THAT(chat("zero-shot", asserts).back().content, HasSubstr("assert add(1, 2) == 3"));
  asserts.completes_prompt = true;
  EXPECT_THAT(chat("zero-shot", asserts).back().content, HasSubstr("```python\nWrite add.\n```"));
}

TEST(PromptTemplate, ShotsAreTurnsOfTheConversation) {
  for (const Entry entry : {Entry::kStdin, Entry::kFunction, Entry::kAsserts, Entry::kArgs}) {
    const auto plain = chat("two-shot", task_of(entry, "mine")), thought = chat("two-shot-cot", task_of(entry, "mine"));
    ASSERT_EQ(plain.size(), 5U);
    EXPECT_EQ(plain[1].role, "assistant");
    EXPECT_TRUE(plain[1].content.starts_with("```python\n")) << plain[1].content;
    EXPECT_TRUE(plain[1].content.ends_with("\n```")) << plain[1].content;
    EXPECT_FALSE(thought[1].content.starts_with("```"));
    EXPECT_THAT(thought[4].content, HasSubstr("First say in one sentence"));
    EXPECT_THAT(plain[4].content, HasSubstr("mine"));
  }
}

TEST(PromptTemplate, TextFormBreaksOffWhereTheProgramBegins) {
  const auto prompts = PromptTemplate::load("two-shot");
  ASSERT_TRUE(prompts);
  const std::string text = std::get<std::string>(prompts->render(task_of(Entry::kStdin, "mine"), PromptForm::kText).value());
  EXPECT_TRUE(text.ends_with("Task: mine\n\n```python\n")) << text;
  EXPECT_EQ(prompts->stops(PromptForm::kText), std::vector<std::string>{"\n```"});
  EXPECT_TRUE(prompts->stops(PromptForm::kChat).empty());
  Task completes = task_of(Entry::kAsserts, "def f(x):\n");
  completes.completes_prompt = true;
  EXPECT_EQ(std::get<std::string>(PromptTemplate::load("zero-shot")->render(completes, PromptForm::kText).value()),
            "def f(x):\n");
}

TEST(PromptTemplate, ReadsAFileAndNamesWhatIsWrongWithIt) {
  const auto folder = TemporaryFolder::create();
  ASSERT_TRUE(folder);
  const std::string path = (folder->path() / "t.txt").string();
  ASSERT_TRUE(write_atomic(path, "Use {function}: {prompt} {\"json\": 1}"));
  Task task = task_of(Entry::kFunction, "a {test} of braces");
  EXPECT_EQ(chat(path, task).back().content, "Use f: a {test} of braces {\"json\": 1}");
  ASSERT_TRUE(write_atomic(path, "no task"));
  EXPECT_THAT(PromptTemplate::load(path).error().text(), HasSubstr("{prompt}"));
  ASSERT_TRUE(write_atomic(path, "{prompt} {fuction}"));
  EXPECT_THAT(PromptTemplate::load(path).error().text(), HasSubstr("did you mean \"function\""));
  EXPECT_THAT(PromptTemplate::load("one-shot").error().text(), HasSubstr("two-shot-cot or a file"));
  EXPECT_THAT(PromptTemplate::load("zero-shot")->render(task_of(Entry::kStdin, " "), PromptForm::kChat).error().text(),
              HasSubstr("\"t\" has no \"prompt\""));
}

class Samples : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TemporaryFolder::create();
    ASSERT_TRUE(made);
    folder.emplace(std::move(*made));
    path = (folder->path() / "g.jsonl").string();
  }
  std::optional<TemporaryFolder> folder;
  std::string path;
};

TEST_F(Samples, AnInterruptedFileKeepsWhatIsWhole) {
  {
    auto file = SampleFile::open(path, R"({"seed":0})", false);
    ASSERT_TRUE(file) << file.error().text();
    ASSERT_TRUE(file->add("a", 1, {"text \"1\"\n", "stop"}));
    ASSERT_TRUE(file->add("a", 0, {"", "length", true}));
  }
  // Killed while it wrote.
  ASSERT_TRUE(append_durable(path + ".part", R"({"prompt_id":"a","k":2,"te)"));
  auto file = SampleFile::open(path, R"({"seed":0})", true);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->size(), 2U);
  ASSERT_TRUE(file->find("a", 1));
  EXPECT_EQ(file->find("a", 1)->text, "text \"1\"\n");
  EXPECT_TRUE(file->find("a", 0)->reasoning_only);
  EXPECT_FALSE(file->find("a", 2));
  ASSERT_TRUE(file->add("a", 2, {"x", "stop"}));
  ASSERT_TRUE(file->finish("whole\n"));
  EXPECT_EQ(read_file(path).value(), "whole\n");
  EXPECT_FALSE(exists(path + ".part"));
}

TEST_F(Samples, OtherSettingsAreRefusedByName) {
  ASSERT_TRUE(SampleFile::open(path, R"({"model":"m","seed":0})", false));
  const auto other = SampleFile::open(path, R"({"model":"n","seed":0})", true);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConflict);
  EXPECT_THAT(other.error().text(), HasSubstr("(model)"));
  ASSERT_TRUE(write_atomic(path + ".part", "{\"schema\":\"other/1\"}\n"));
  EXPECT_FALSE(SampleFile::open(path, "{}", true));
}

TEST_F(Samples, ARunThatDrewNothingLeavesNothing) {
  auto file = SampleFile::open(path, "{}", false);
  ASSERT_TRUE(file);
  file->drop_if_empty();
  EXPECT_FALSE(exists(path + ".part"));
}

}  // namespace
}  // namespace gimbal::diversity
