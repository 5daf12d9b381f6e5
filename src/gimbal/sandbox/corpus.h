// The built-in escape corpus: hostile and awkward programs with the ends that they may have (corpus/escape.jsonl).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

struct CorpusCase {
  std::string name;
  std::string program;
  std::string stdin_bytes;
  std::vector<Status> expect;      // any of these
  std::optional<std::string> out;  // the exact stdout
  std::optional<int> exit_code;

  // Whether the case lasts as long as a limit allows (some seconds): an end by time is among the expected ones.
  bool is_long() const;
};

// All cases, as they were when the binary was built. Errors: parse_error (a defect of the build).
Result<std::vector<CorpusCase>> escape_corpus();

// The limits that the cases were written for.
Limits corpus_limits();

// What is wrong about this end of the case, in one line; nullopt: nothing.
std::optional<std::string> corpus_failure(const CorpusCase& expected, const TestResult& found);

}  // namespace gimbal::sandbox
