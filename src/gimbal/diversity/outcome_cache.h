// Outcomes on disk, addressed by everything that they depend on: program, tests, interpreter, limits. A hit starts no process.
#pragma once

#include <optional>
#include <string>

#include "gimbal/base/result.h"
#include "gimbal/diversity/outcome.h"
#include "gimbal/sandbox/python_pool.h"

namespace gimbal::diversity {

// What an outcome depends on, as SHA-256 (hex). `source` is the program with its wrapper; `salt` names interpreter and
// everything else that all programs of a run share.
std::string outcome_key(const std::string& source, std::span<const sandbox::TestInput> tests, const sandbox::RunFlags& flags,
                        std::string_view salt);

// One file an outcome, DIR/ab/cdef...json, written atomically: several runs may share a folder. Thread-safe.
class OutcomeCache {
 public:
  static Result<OutcomeCache> open(const std::string& folder);
  // nullopt when there is none, or one that cannot be read (it is made anew).
  std::optional<Outcome> find(const std::string& key) const;
  // Outcomes that depend on the machine's load (wall time) are not kept.
  Result<void> put(const std::string& key, const Outcome& outcome) const;

 private:
  explicit OutcomeCache(std::string folder) : folder_(std::move(folder)) {}
  std::string path_of(const std::string& key) const;
  std::string folder_;
};

}  // namespace gimbal::diversity
