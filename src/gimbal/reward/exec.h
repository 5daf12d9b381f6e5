// Verifiers that are not ours: a program that speaks JSON lines, or a function of the caller.
//
// A program gets {"id":17,"prompt":...,"completion":...,"record":{...}} a line and an empty line behind each batch; it answers
// {"id":17,"score":0.5,"reason":"..."} in any order. No score, null or NaN means undecided. A program that dies or falls silent
// is started again, and what it left unanswered is sent once more, one item at a time: the item that brings it down alone is
// undecided, the others keep their scores. Three ends in a row without an answer between them are an error, and so is a line
// outside the protocol: nothing is ever counted as 0 because a program failed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct ExecOptions {
  double timeout_s = 10;   // of an item: the longest silence while answers are waited for
  bool any_range = false;  // scores outside [0, 1] are taken; an item passes from 1 on
  int workers = 1;         // programs at the same time, each with batches of 64
  // Lines of the programs' standard error; called on threads of their own.
  std::function<void(std::string_view line)> on_error_line = {};
};

// `command`: words as split_command reads them. The programs start with the first score and live as long as the verifier;
// `time_ms` of a score is its share of the batch. Errors: usage for the command line. Errors of scoring: unavailable, with the
// command and its last lines of standard error; interrupted.
Result<std::unique_ptr<Verifier>> make_exec_verifier(std::string_view command, const ExecOptions& options);

// A score an item, in order. Called from any thread.
using RewardFn = std::function<Result<std::vector<Score>>(std::span<const Item> items, const StopToken& stop)>;
// Errors of scoring: those of the function; internal where it gives another number of scores, or one that is not finite.
std::unique_ptr<Verifier> make_function_verifier(std::string name, RewardFn function);

}  // namespace gimbal::reward
