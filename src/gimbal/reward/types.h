// What verifiers share: items in, scores out, and the reason for each score.
//
// A verifier turns (prompt record, model answer) into a score in [0, 1]. Every score carries what was extracted from the
// answer, the gold value it was compared with and a reason. A missing answer is wrong, also where the gold value is missing
// too: a missing gold value is bad input. A verifier that cannot decide gives no value, and consumers leave that item out
// instead of counting a zero.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::reward {

// Why a score is what it is; the words that documents print.
enum class Reason {
  kEqual,          // equal as the verifier defines it
  kEqualString,    // equal after normalisation of the text
  kEqualNumeric,   // equal as exact numbers
  kEqualSymbolic,  // equal as expressions: structure, or agreement at the test points
  kDifferent,
  kNoAnswer,    // nothing to extract, or the completion is no text
  kUnparsable,  // there is an answer, but it cannot be read, or comparing it would cost too much
  kAmbiguous,   // several distinct answers where one is asked for
  kFormat,      // the answer breaks the required form
  kTooLong,
  // Of programs: how the candidate ended (the words of the sandbox), or why its tests failed.
  kNoCode,
  kSyntaxError,
  kMissingEntry,  // the tested function is not there
  kMissingModule,
  kRuntimeError,
  kTimeoutCpu,
  kTimeoutWall,
  kMemory,
  kOutputLimit,
  kProcessLimit,
  kForbidden,
  kKilled,
  kNotPlain,    // a value that is no plain data (an object of an own class, a generator)
  kEndedEarly,  // the program ended before its tests did
  kBadTask,     // the tests themselves do not run
  // Of verifiers that are not ours: `detail` has their word.
  kExternal,
  kUndecided,  // there is no score
};
std::string_view reason_name(Reason reason);  // "equal_string"

// One answer. The views live as long as the caller's data. `completion` is empty where the answer is no text.
struct Item {
  std::string_view id;
  std::string_view prompt;
  std::string_view completion;
  const Json* record = nullptr;  // the line of the answers file with the gold value; may be null
  bool bare = false;             // the completion is the answer itself: nothing is extracted
};

// A verifier of a combination, with its own share of the score.
struct Part {
  std::string name;  // "math"
  double weight = 1;
  bool gate = false;
  std::optional<double> value;
  Reason reason = Reason::kDifferent;
  std::string detail;
};

// How a program was tested. What `got` and `expected` hold tells the answers: it belongs into files and never into the prompt
// of a policy.
struct TestedProgram {
  std::string status;  // how its process ended: "ok", "timeout_cpu", or "no_code"
  std::size_t passed = 0;
  std::size_t total = 0;
  bool in_process = false;
  bool failed = false;  // the fields below describe the first failure
  std::size_t index = 0;
  std::string test;
  std::string got;
  std::string expected;
  std::string message;
};

struct Score {
  std::optional<double> value;  // in [0, 1]; nullopt: undecided
  bool passed = false;          // value is 1
  Reason reason = Reason::kDifferent;
  std::string detail;     // an external verifier's own word for the reason; empty: it gave none
  std::string extracted;  // what was compared; empty when there was nothing
  std::string gold;
  bool ambiguous = false;                        // several distinct answers; the last one counted
  bool gold_unparsed = false;                    // the gold value is no mathematics: text was compared
  std::vector<Part> parts;                       // of a combination; empty otherwise
  std::shared_ptr<const TestedProgram> program;  // of `code`; null otherwise
  std::string feedback;                          // what may be told to the author of the answer, where that was asked for
  double time_ms = 0;
};

// The word that documents print: `detail` where there is one, else the name of the reason.
std::string_view reason_text(const Score& score);
std::string_view reason_text(const Part& part);

// What a verifier that runs programs says of all that it has tested.
struct ExecutionFacts {
  std::size_t split_tasks = 0;       // of the tasks met so far
  std::size_t in_process_tasks = 0;  // their references fail in split execution and pass in one process
  std::vector<std::string> layers;   // of the sandbox
  std::vector<std::string> unused;   // tasks of the tasks file that no scored item belongs to
};

// Thread-safe; deterministic but for programs of others.
class Verifier {
 public:
  virtual ~Verifier() = default;
  virtual std::string_view name() const = 0;
  // Whether the record holds what this verifier needs (a gold value, numbers and target). Errors: invalid_argument that says
  // what was expected and which fields are there; the caller adds the line.
  virtual Result<void> check(const Item& item) const = 0;
  // A score an item, in order. Errors: as `check`, of the first item that fails it; interrupted.
  virtual Result<std::vector<Score>> score(std::span<const Item> items, StopToken stop) = 0;
  // A list when the gold value is one; used to compare two answers with each other (majority vote). nullopt: this verifier
  // has no notion of two answers being the same.
  virtual std::optional<bool> same_answer(std::string_view a, std::string_view b) const {
    (void)a, (void)b;
    return std::nullopt;
  }
  // nullopt: this verifier runs no programs in the sandbox.
  virtual std::optional<ExecutionFacts> execution_facts() const { return std::nullopt; }
};

// A verifier that looks at one item at a time: `score` calls `score_one` in parallel and measures its time.
class ItemVerifier : public Verifier {
 public:
  Result<std::vector<Score>> score(std::span<const Item> items, StopToken stop) final;
  // Requires that `check` accepts the item.
  virtual Score score_one(const Item& item) const = 0;
};

// Makes a score of 0 or 1.
Score verdict(bool passed, Reason reason, std::string extracted = {}, std::string gold = {});

// The gold value of a record: the first of answer, solution, ground_truth, target, gold that is present and not null. Text
// stays text, numbers become their shortest text, a list becomes its items. Errors: invalid_argument with the fields seen.
Result<std::vector<std::string>> gold_values(const Json* record);

}  // namespace gimbal::reward
