#include "gimbal/diversity/generations.h"

#include <gtest/gtest.h>

#include <string>

#include "gimbal/base/file.h"

namespace gimbal::diversity {
namespace {

class Generations : public ::testing::Test {
 protected:
  std::string file(const std::string& content, const std::string& name = "g.jsonl") {
    const std::string path = (folder_.path() / name).string();
    EXPECT_TRUE(write_atomic(path, content));
    return path;
  }
  std::string error(const std::string& content) {
    std::string text = read_generations(file(content)).error().text();
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at = 0; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
    return text;
  }
  TemporaryFolder folder_ = TemporaryFolder::create().value();
};

TEST_F(Generations, ProgramsOfATaskHaveNoColumnsButThoseOfTheGroup) {
  const auto read = read_generations(file("{\"codenet_problem_id\":\"p\",\"solve_rate\":0.4,\"programs\":[\"x\"]}\n"
                                          "{\"id\":\"q\",\"solve_rate\":0.6,\"programs\":[],\"group\":{\"m\":1}}\n"
                                          "{\"id\":\"r\",\"temperature\":0.6,\"completion\":\"x\"}\n"))
                        .value();
  EXPECT_EQ(group_json(read.sets[0].group), "{}");
  EXPECT_EQ(group_json(read.sets[1].group), "{\"m\":1}");
  EXPECT_TRUE(read.sets[0].programs);
  EXPECT_EQ(group_json(read.sets[2].group), "{\"temperature\":0.6}");
  EXPECT_TRUE(read.sets[2].completions);
}

TEST_F(Generations, ComeAsListsOrAsSamples) {
  const auto lists =
      read_generations(
          file("{\"prompt_id\":\"p\",\"group\":{\"model\":\"m\"},\"temperature\":0.8,\"generations\":[\"a\",null,3]}\n"))
          .value();
  ASSERT_EQ(lists.sets.size(), 1u);
  EXPECT_EQ(group_json(lists.sets[0].group), "{\"model\":\"m\",\"temperature\":0.8}");
  ASSERT_EQ(lists.sets[0].generations.size(), 3u);
  EXPECT_EQ(lists.sets[0].generations[0], "a");
  EXPECT_EQ(lists.sets[0].generations[1], std::nullopt);
  EXPECT_EQ(lists.sets[0].generations[2], std::nullopt);
  const auto samples = read_generations(file("{\"task_id\":7,\"completion\":\"a\"}\n{\"task_id\":8,\"completion\":\"b\"}\n{"
                                             "\"task_id\":7,\"completion\":null}\n"))
                           .value();
  ASSERT_EQ(samples.sets.size(), 2u);
  EXPECT_EQ(samples.sets[0].prompt_id, "7");
  EXPECT_EQ(samples.sets[0].generations.size(), 2u);
}

TEST_F(Generations, OfOnePromptInTwoGroupsAreTwoSets) {
  const auto found =
      read_generations(
          file("{\"id\":\"p\",\"model\":\"a\",\"samples\":[\"x\"]}\n{\"id\":\"p\",\"model\":\"b\",\"samples\":[\"x\"]}\n"))
          .value();
  EXPECT_EQ(found.sets.size(), 2u);
}

TEST_F(Generations, AreRefusedWithTheirLine) {
  EXPECT_EQ(error("{\"id\":\"p\",\"samples\":[]}\n\n{\"id\":\"p\",\"samples\":[]}\n"),
            "g.jsonl:3: prompt \"p\" came in line 1 already, in the same group");
  EXPECT_EQ(error("{\"samples\":[]}\n"),
            "g.jsonl:1: expected a prompt id (\"prompt_id\", \"task_id\", \"problem_id\" or \"id\")");
  EXPECT_EQ(error("{\"id\":\"p\"}\n"), "g.jsonl:1: expected \"generations\" (a list) or \"completion\" (a text)");
  EXPECT_EQ(error("{\"id\":\"p\",\"samples\":[\"a\"],\"partition\":[0,1]}\n"),
            "g.jsonl:1: partition: expected 1 classes, one a generation, found 2");
  EXPECT_EQ(read_generations(file("{\"id\":\"p\"}\n{\"id\":\"q\",\"samples\":[\"a\"]}\n"), true)->skipped, 1u);
}

TEST_F(Generations, OfPlainLinesAreOnePrompt) {
  const auto found = read_lines(file("a b\r\n\nc")).value();
  ASSERT_EQ(found.sets.size(), 1u);
  ASSERT_EQ(found.sets[0].generations.size(), 3u);
  EXPECT_EQ(found.sets[0].generations[0], "a b");
  EXPECT_EQ(found.sets[0].generations[1], "");
}

TEST_F(Generations, TakePartitionsFromAFile) {
  auto found = read_generations(file("{\"id\":\"p\",\"samples\":[\"a\",\"b\",\"c\"]}\n")).value();
  ASSERT_TRUE(read_partitions(file("{\"prompt_id\":\"p\",\"classes\":[4,null,4]}\n", "p.jsonl"), found));
  EXPECT_EQ(found.sets[0].partition->cls, (std::vector<int>{0, -1, 0}));
  ASSERT_TRUE(read_partitions(
      file("{\"prompt_id\":\"p\",\"classes\":[\"x\",\"y\",\"x\"],\"valid\":[true,true,false]}\n", "p.jsonl"), found));
  EXPECT_EQ(found.sets[0].partition->cls, (std::vector<int>{0, 1, -1}));
  EXPECT_FALSE(read_partitions(file("{\"prompt_id\":\"q\",\"classes\":[]}\n", "p.jsonl"), found));
}

}  // namespace
}  // namespace gimbal::diversity
