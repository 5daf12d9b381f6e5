// Emulated models: programs made worse at random, as a model of higher temperature would make them.
//
// Of a prompt's known-good programs K are drawn without replacement; then each token is independently, with probability p,
// deleted, replaced by a token drawn from the unigram distribution of the prompt's programs, or duplicated, with equal chances.
// With p the wording gets ever more diverse while fewer and fewer programs still run: the effect for which effective semantic
// diversity is measured by execution.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/random.h"
#include "gimbal/base/result.h"

namespace gimbal::diversity {

// The tokens of Python programs (base/python_lexer.h, marks left out), with repetition: drawing one uniformly draws from their
// unigram distribution.
std::vector<std::string> token_pool(std::span<const std::string> programs);

// Draws for each token in turn: one uniform, and if it is below p a second one that picks deletion, replacement (with a third
// draw, below(pool size)) or duplication. White space and comments between tokens stay; a blank is put where two words would
// grow together. p = 0 gives the program itself. p in [0, 1]; `pool` is not empty unless the program has no token.
std::string perturb(std::string_view program, double p, std::span<const std::string> pool, Stream& stream);

// K perturbed programs of one prompt, in the order drawn: programs by the permutation of stream ("perturb", prompt), program i
// with stream ("perturb", prompt, i, p). Errors: insufficient_data (fewer than k programs).
Result<std::vector<std::string>> emulate_model(std::span<const std::string> programs, std::size_t k, double p,
                                               std::uint64_t seed, std::string_view prompt);

}  // namespace gimbal::diversity
