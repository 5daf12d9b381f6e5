#include "gimbal/diversity/program_text.h"

#include <algorithm>

#include "gimbal/base/check.h"
#include "gimbal/base/markdown.h"
#include "gimbal/base/python_lexer.h"
#include "gimbal/base/text.h"

namespace gimbal::diversity {
namespace {

bool is_candidate(const FencedBlock& block) {
  const std::string language = block.language();
  return language.empty() || language == "python" || language == "py" || language == "python3";
}

bool defines_function(std::string_view code) {
  const PythonTokens tokens = lex_python(code);
  return std::ranges::any_of(tokens.tokens, [&](const PythonToken& token) {
    return token.kind == PythonTokenKind::kName && token.text(code) == "def";
  });
}

void set_code(ProgramText& program, ExtractMode mode, std::string code) {
  program.mode = mode;
  program.code = std::move(code);
  if (trim(program.code).empty()) program.status = sandbox::Status::kNoCode;
}

}  // namespace

std::string_view extract_mode_name(ExtractMode mode) {
  switch (mode) {
    case ExtractMode::kAuto:
      return "auto";
    case ExtractMode::kFenced:
      return "fenced";
    case ExtractMode::kHeuristic:
      return "heuristic";
    case ExtractMode::kRaw:
      return "raw";
  }
  return "raw";
}

std::optional<std::string> fenced_code(std::string_view text, FenceChoice choice) {
  std::vector<FencedBlock> blocks = fenced_blocks(text);
  std::erase_if(blocks, [](const FencedBlock& block) { return !is_candidate(block); });
  if (blocks.empty()) return std::nullopt;
  const auto longest = [&]() -> std::string {
    return std::ranges::max_element(blocks, {}, [](const FencedBlock& block) { return block.content.size(); })->content;
  };
  switch (choice) {
    case FenceChoice::kFirst:
      return blocks.front().content;
    case FenceChoice::kLast:
      return blocks.back().content;
    case FenceChoice::kLongest:
      return longest();
    case FenceChoice::kBest:
      for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
        if (defines_function(block->content)) return block->content;
      }
      return longest();
  }
  return std::nullopt;
}

Result<std::vector<ProgramText>> extract_programs(std::span<const std::optional<std::string>> generations, ExtractMode mode,
                                                  FenceChoice fence, const PythonHelper* helper) {
  GIMBAL_CHECK(helper || mode == ExtractMode::kRaw || mode == ExtractMode::kFenced, "auto and heuristic ask a Python parser");
  std::vector<ProgramText> out(generations.size());
  std::vector<std::size_t> open;  // still to be decided
  for (std::size_t g = 0; g < generations.size(); ++g) {
    if (!generations[g]) {
      out[g].status = sandbox::Status::kNotText;
    } else if (trim(*generations[g]).empty()) {
      out[g].status = sandbox::Status::kEmpty;
    } else {
      open.push_back(g);
    }
    out[g].mode = mode;
  }
  const auto texts_of = [&](const std::vector<std::size_t>& which) {
    std::vector<std::string> texts;
    for (const std::size_t g : which) texts.push_back(*generations[g]);
    return texts;
  };
  if (mode == ExtractMode::kAuto && !open.empty()) {
    GIMBAL_TRY(const std::vector<bool> compiles, helper->compiles(texts_of(open)));
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (compiles[i]) {
        set_code(out[open[i]], ExtractMode::kRaw, *generations[open[i]]);
      } else {
        rest.push_back(open[i]);
      }
    }
    open = std::move(rest);
  }
  std::vector<std::size_t> mixed;
  for (const std::size_t g : open) {
    if (mode == ExtractMode::kRaw) {
      set_code(out[g], ExtractMode::kRaw, *generations[g]);
      continue;
    }
    std::optional<std::string> code;
    if (mode != ExtractMode::kHeuristic) code = fenced_code(*generations[g], fence);
    if (code || mode == ExtractMode::kFenced) {
      set_code(out[g], ExtractMode::kFenced, code.value_or(""));
    } else {
      mixed.push_back(g);
    }
  }
  if (mixed.empty()) return out;
  GIMBAL_TRY(const auto codes, extract_heuristic(texts_of(mixed), *helper));
  for (std::size_t i = 0; i < mixed.size(); ++i) set_code(out[mixed[i]], ExtractMode::kHeuristic, codes[i]);
  return out;
}

}  // namespace gimbal::diversity
