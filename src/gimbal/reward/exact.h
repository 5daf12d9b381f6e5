// Verifiers of plain text: equality after a normalisation, and the letter of a multiple choice.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "gimbal/reward/types.h"

namespace gimbal::reward {

// Each level includes no other: kTrim strips white space at both ends; kWhitespace makes each run of it one blank and strips;
// kCase folds case and does what kWhitespace does; kPunctuation also drops ASCII punctuation.
enum class Normalize { kNone, kTrim, kWhitespace, kCase, kPunctuation };
Result<Normalize> parse_normalize(std::string_view word);  // none trim ws case punct
std::string normalize_text(std::string_view text, Normalize level);

// A gold list is a set of alternatives when `any_of` is set, and an input error otherwise.
struct ExactOptions {
  Normalize normalize = Normalize::kTrim;
  bool any_of = false;
};
std::unique_ptr<ItemVerifier> make_exact_verifier(const ExactOptions& options);

// The letter A-J of a multiple-choice answer: of the last box, else of "answer is (X)", else the last stand-alone capital in
// parentheses or at the end of the text.
std::optional<char> extract_choice(std::string_view text);
std::unique_ptr<ItemVerifier> make_choice_verifier();

}  // namespace gimbal::reward
