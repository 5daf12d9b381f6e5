// The registry of verifiers and the language that combines them.
//
//   math                                one verifier
//   regex:^[0-9]+$                      a verifier with an argument: the rest of the text
//   0.9*math + 0.1*format               a weighted sum
//   gate:format * math                  math counts only where format passes
//   code                                programs, by their tests (code.h)
//   exec:python3 judge.py               a program of your own (exec.h)
//   0.5*regex:"a+b" + 0.5*length:200    in combinations an argument with + * or blanks stands in double quotes
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "gimbal/reward/code.h"
#include "gimbal/reward/countdown.h"
#include "gimbal/reward/exact.h"
#include "gimbal/reward/exec.h"
#include "gimbal/reward/math.h"
#include "gimbal/reward/number.h"
#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct VerifierOptions {
  ExactOptions exact;
  NumberOptions number;
  MathOptions math;
  CountdownOptions countdown;
  ExecOptions exec;
  CodeOptions code;
};

struct VerifierInfo {
  std::string_view name;      // "regex"
  std::string_view argument;  // "PATTERN"; empty: takes none
  std::string_view summary;
  std::string_view options;  // flags of the command line that it reads; may be empty
};
std::span<const VerifierInfo> verifier_list();

// Errors: usage with "position N" (1-based, in `expression`) for syntax, unknown names (with the nearest), negative or infinite
// weights and bad arguments. The score of a combination is undecided where a part is.
Result<std::unique_ptr<Verifier>> make_verifier(std::string_view expression, const VerifierOptions& options = {});

}  // namespace gimbal::reward
