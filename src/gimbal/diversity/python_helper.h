// CPython as a parser: what a line is, whether a text compiles, and syntax trees, for many texts in one sandboxed process.
//
// Model-written text may be hostile to a parser too (nesting, huge literals), so the helper is a program in a PythonPool like
// any other, with texts on its standard input. A batch that ends badly is halved until the text that did it stands alone, which
// then counts as one that does not parse.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/diversity/ast.h"
#include "gimbal/diversity/extract.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::diversity {

// Errors of all methods: those of the pool, interrupted.
class PythonHelper final : public LineParser {
 public:
  // `pool` outlives the helper.
  explicit PythonHelper(sandbox::PythonPool& pool, StopToken stop = {}) : pool_(&pool), stop_(std::move(stop)) {}

  Result<std::vector<LineKind>> classify(std::span<const std::string> lines) const override;
  // Whether each text compiles as a program.
  Result<std::vector<bool>> compiles(std::span<const std::string> texts) const;
  // The tree of each program; nullopt where it does not parse.
  Result<std::vector<std::optional<AstTree>>> trees(std::span<const std::string> programs, AstLabels& labels) const;
  // The texts that a task's generator makes (test_inputs.h): the source defines generate_test, tc_gen, or one function. Each is
  // called with `random` seeded by (seed, attempt) until `n` different texts came, or 20 n attempts were made.
  Result<std::vector<std::string>> generate(const std::string& source, int n, std::uint64_t seed) const;

 private:
  Result<std::vector<std::string>> ask(std::string_view what, std::span<const std::string> texts) const;
  Result<void> ask_batch(std::string_view what, std::span<const std::string> texts, std::vector<std::string>& answers) const;
  sandbox::PythonPool* pool_;
  StopToken stop_;
};

}  // namespace gimbal::diversity
