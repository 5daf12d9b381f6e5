// Files of answers: one JSON record a line, with one completion or several, and the gold value beside it or in a second file.
//
//   {"id":"p1","completion":"... \\boxed{42}","answer":"42"}
//   {"id":"p2","completions":["a","b"],"answer":"7"}
//   {"id":"p3","completion":[{"role":"user","content":"?"},{"role":"assistant","content":"42"}],"answer":"42"}
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"
#include "gimbal/reward/types.h"

namespace gimbal::reward {

struct AnswersOptions {
  std::string gold_file;              // joined by "id"; empty: the gold value stands in the answers' records
  std::string gold_field = "answer";  // of the gold file
  bool solutions = false;             // "solution" is a completion too, as in samples for HumanEval
};

struct Answer {
  std::size_t record = 0;  // index into AnswersFile::records
  std::size_t sample = 0;  // place among the completions of its id
  std::string text;        // "" where the completion is null or no text
};

struct AnswersFile {
  std::string name;
  std::vector<Json> records;
  std::vector<std::size_t> lines;  // 1-based, of each record
  std::vector<std::string> ids;    // "id" or "task_id"; otherwise the line number
  std::vector<Answer> answers;     // by record, then sample

  // Views into this object.
  std::vector<Item> items() const;
};

// Lines with the same id are samples of one prompt. Errors: those of reading JSONL; invalid_argument naming up to 20 records
// without completion(s) or without a gold record, or gold records with an id that an earlier one has.
Result<AnswersFile> read_answers(const std::string& path, const AnswersOptions& options = {});

// The places and messages of items that `verifier` cannot judge, up to 20; no error when there are none.
Result<void> check_answers(const AnswersFile& file, const Verifier& verifier);

}  // namespace gimbal::reward
