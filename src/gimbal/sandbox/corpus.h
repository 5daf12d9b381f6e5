// The built-in programs: hostile and awkward ones with the ends that they may have (corpus/escape.jsonl), and ordinary ones
// that must print the same under both isolations (corpus/compare.jsonl).
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

// 60 programs, each with one expected status.
Result<std::vector<CorpusCase>> compare_programs();

// The limits that the cases were written for.
Limits corpus_limits();

// What is wrong about this end of the case, in one line; nullopt: nothing.
std::optional<std::string> corpus_failure(const CorpusCase& expected, const TestResult& found);

// What differs between two ends of one program apart from times and memory ("stdout: \"1\" and \"2\""); nullopt: nothing.
std::optional<std::string> difference(const TestResult& a, const TestResult& b);

}  // namespace gimbal::sandbox
