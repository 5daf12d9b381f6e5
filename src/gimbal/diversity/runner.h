// Runs the programs of many prompts on their tests: each program once, results in the order of the prompts, whatever the number
// of workers. Validity and classes are decided when all programs of a prompt are done, so class numbers do not depend on
// threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/result.h"
#include "gimbal/diversity/outcome_cache.h"
#include "gimbal/diversity/program_text.h"
#include "gimbal/diversity/records.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::diversity {

// One prompt's generations (of one group) and what they were made into.
struct PromptJob {
  std::string prompt_id;
  Group group;
  const Task* task = nullptr;  // has tests; outlives the run
  std::vector<ProgramText> programs;
};

struct RunnerOptions {
  sandbox::RunFlags flags;
  ValidityRule validity;
  reward::OutputEquivalence equivalence;
  int repeat = 1;       // runs of each program that ends ok; different behaviours are nondeterministic
  bool parity = false;  // "SyntaxError" in stderr is a syntax error; printing a sentinel ("Timeout") is a failure
  std::string salt;     // of cache keys: interpreter and version
  const OutcomeCache* cache = nullptr;
  StopToken stop;
  std::function<void(Status)> done_one;  // after each generation, in order
};

// One prompt, done. `outcomes` has one entry a record; those of duplicates are empty.
struct PromptResult {
  const Task* task = nullptr;
  RecordSet set;
  std::vector<Outcome> outcomes;
};

struct RunCounts {
  std::int64_t copied = 0;  // generations whose outcome was that of an equal program
  std::int64_t cache_hits = 0;
  std::int64_t programs_run = 0;
  bool stopped = false;  // before the last prompt
};

// Calls `emit` for every prompt, in order, on this thread. A stop ends the programs in flight; the prompt that they belong to
// is not emitted. Errors: those of the pool and of `emit`.
Result<RunCounts> run_prompts(sandbox::PythonPool& pool, std::span<const PromptJob> jobs, const RunnerOptions& options,
                              const std::function<Result<void>(PromptResult&&)>& emit);

// A record for each outcome of a prompt, with validity and classes under these rules. `records` holds what does not depend on
// them (ids, programs, duplicates).
void apply_rules(RecordSet& set, std::span<const Outcome> outcomes, const Task& task, const ValidityRule& validity,
                 const reward::OutputEquivalence& equivalence);

// What a records file says in sum.
struct RunTotals {
  std::int64_t prompts = 0, generations = 0, valid = 0, classes = 0, duplicates = 0, nondeterministic = 0;
  std::map<std::string, std::int64_t> statuses;
  std::map<std::string, std::int64_t> missing_modules;
  double cpu_s = 0;  // of the programs
  struct GroupMeans {
    Group group;
    std::int64_t prompts = 0;
    double validity = 0, div_fixed = 0;  // sums; prompts without generations are left out
  };
  std::vector<GroupMeans> groups;  // in order of first appearance
  void add(const RecordSet& set);
};

}  // namespace gimbal::diversity
