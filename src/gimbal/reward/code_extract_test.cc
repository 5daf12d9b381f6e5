#include "gimbal/reward/code_extract.h"

#include <gtest/gtest.h>

namespace gimbal::reward {
namespace {

const std::string kPrompt = "import math\n\ndef half(x):\n    return x / 2\n\ndef area(r):\n    \"\"\"The area.\"\"\"\n";

TEST(ExtractCode, TakesTheLastPythonBlock) {
  EXPECT_EQ(extract_code("a\n```python\nx = 1\n```\nb\n```py\nx = 2\n```\n```text\nout\n```\n"), "x = 2\n");
  EXPECT_EQ(extract_code("```\nx = 1\n```\n"), "x = 1\n");
}

TEST(ExtractCode, TakesATextThatLooksLikeCode) {
  EXPECT_EQ(extract_code("def f():\n    return 1"), "def f():\n    return 1");
  EXPECT_EQ(extract_code("import os\nx"), "import os\nx");
  EXPECT_EQ(extract_code("The default is definitely right."), std::nullopt);
  EXPECT_EQ(extract_code(""), std::nullopt);
}

TEST(DefinesName, SeesDefinitionsInColumnZeroOnly) {
  EXPECT_TRUE(defines_name("def area(r):\n", "area"));
  EXPECT_TRUE(defines_name("async def area(r):\n", "area"));
  EXPECT_TRUE(defines_name("class area:\n", "area"));
  EXPECT_TRUE(defines_name("area = lambda r: r\n", "area"));
  EXPECT_TRUE(defines_name("from shapes import disc, area\n", "area"));
  EXPECT_FALSE(defines_name("    def area(r):\n", "area"));
  EXPECT_FALSE(defines_name("def area2(r):\n", "area"));
  EXPECT_FALSE(defines_name("area == 3\nprint(area)\n", "area"));
  EXPECT_FALSE(defines_name("from subarea import x\n", "area"));
}

TEST(CompleteProgram, ContinuesThePromptUntilSomethingElseBegins) {
  EXPECT_EQ(complete_program(kPrompt, "area", "    return math.pi * r * r\n\nprint(area(1))\n"),
            kPrompt + "    return math.pi * r * r\n\n\n");
  EXPECT_EQ(complete_program(kPrompt, "area", "    return g(r)\n\ndef g(r):\n    return r\nExplanation:"),
            kPrompt + "    return g(r)\n\ndef g(r):\n    return r\n\n");
}

TEST(CompleteProgram, PutsAWholeFunctionBehindImportsAndHelpers) {
  EXPECT_EQ(complete_program(kPrompt, "area", "Sure:\n```python\ndef area(r):\n    return half(r)\n```\n"),
            "import math\n\ndef half(x):\n    return x / 2\n\n\ndef area(r):\n    return half(r)\n");
}

TEST(CompleteProgram, HasNothingToRunOfAnEmptyAnswer) { EXPECT_EQ(complete_program(kPrompt, "area", " \n"), std::nullopt); }

}  // namespace
}  // namespace gimbal::reward
