#include "gimbal/base/markdown.h"

#include <gtest/gtest.h>

#include "support/property.h"

namespace gimbal {
namespace {

TEST(FencedBlocks, GivesInfoAndContentOfEachBlock) {
  const auto blocks = fenced_blocks("Sure:\n```python title=a\nx = 1\n```\nor\n~~~\ny\n~~~\n");
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].info, "python title=a");
  EXPECT_EQ(blocks[0].language(), "python");
  EXPECT_EQ(blocks[0].content, "x = 1\n");
  EXPECT_TRUE(blocks[0].closed);
  EXPECT_EQ(blocks[1].info, "");
  EXPECT_EQ(blocks[1].language(), "");
  EXPECT_EQ(blocks[1].content, "y\n");
}

TEST(FencedBlocks, RunsToTheEndOfATextThatWasCutOff) {
  const auto blocks = fenced_blocks("```py\nx = 1\ny =");
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_FALSE(blocks[0].closed);
  EXPECT_EQ(blocks[0].content, "x = 1\ny =");
  EXPECT_EQ(blocks[0].end, 15u);
}

TEST(FencedBlocks, AreClosedOnlyByAsManyOfTheSameMarkAndNothingElse) {
  const auto blocks = fenced_blocks("````\n```\n~~~~\n```` x\n`````\n");
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].content, "```\n~~~~\n```` x\n");
  EXPECT_TRUE(blocks[0].closed);
}

TEST(FencedBlocks, OfListItemsLoseTheIndentationOfTheirFence) {
  const auto blocks = fenced_blocks("1. first\n    ```python\n    def f():\n        return 1\n  \n     ```\ndone\n");
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].content, "def f():\n    return 1\n\n");
  EXPECT_TRUE(blocks[0].closed);
}

TEST(FencedBlocks, KeepAFenceThatStandsDeepInsideTheCode) {
  const auto blocks = fenced_blocks("```python\ndef f():\n    \"\"\"\n    ```\n    \"\"\"\n```\n");
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].content, "def f():\n    \"\"\"\n    ```\n    \"\"\"\n");
}

TEST(FencedBlocks, AreNotMadeByCodeSpansOrTwoMarks) {
  EXPECT_TRUE(fenced_blocks("```x``` is code\n``\ny\n``\n").empty());
  EXPECT_TRUE(fenced_blocks("").empty());
}

TEST(FencedBlocks, AcceptWindowsLineEndsAndBraces) {
  const auto blocks = fenced_blocks("```{.Python}\r\nx\r\n```\r\n");
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].language(), "python");
  EXPECT_EQ(blocks[0].content, "x\r\n");
}

TEST(FencedBlocks, LieOneAfterTheOtherInTheText) {
  Stream stream(5, "fences");
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "``~\n a"[stream.below(6)];
    std::size_t last = 0;
    for (const FencedBlock& block : fenced_blocks(text)) {
      EXPECT_GE(block.begin, last);
      EXPECT_GT(block.end, block.begin);
      EXPECT_LE(block.content.size(), block.end - block.begin);
      last = block.end;
    }
    EXPECT_LE(last, text.size());
  }
}

}  // namespace
}  // namespace gimbal
