// Generations files: what models wrote, prompt by prompt. docs/formats/generations.md states the forms for users.
//
// A line is a prompt with all its generations, or one sample, whose prompt id gathers it with the others. Ids may be called
// prompt_id, task_id, problem_id or id; lists generations, completions, samples, responses or programs; single samples
// generation, completion, solution, response or text. Every other scalar of the line, and those inside "group", are group
// columns: prompts of different groups are different. A line with "programs" is a task that carries known programs: its scalars
// are the task's and no columns.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/diversity/semantic.h"

namespace gimbal::diversity {

// Column and value as JSON text ("\"base\"", "0.8"), sorted by column.
using Group = std::vector<std::pair<std::string, std::string>>;
std::string group_json(const Group& group);  // {"model":"base","temperature":0.8}
// A value as a person writes it: base for "\"base\"".
std::string plain_value(const std::string& json);

struct GenerationSet {
  std::string prompt_id;
  Group group = {};
  std::vector<std::optional<std::string>> generations = {};  // nullopt: not a text (null, a number)
  std::optional<Partition> partition = {};                   // the field "partition" with "valid", or of a partition file
  std::size_t line = 0;                                      // of the first record
  bool programs = false;                                     // from "programs": not answers of a model but programs as they are
  bool completions = false;                                  // from "completion" or "completions": what stands behind a prompt
};

struct GenerationFile {
  std::vector<GenerationSet> sets;  // in the order of the file
  std::size_t skipped = 0;          // bad lines, with skip_bad
};

// Errors: as read_jsonl; a prompt that comes twice in the same group as a list (both lines), a line without id or generations,
// a partition of another length. Several bad lines are reported together.
Result<GenerationFile> read_generations(const std::string& path, bool skip_bad = false);

// Every line of a plain text is a generation of one prompt, "(lines)". A last line without a line break counts.
Result<GenerationFile> read_lines(const std::string& path);

// Gives each prompt its partition from JSONL lines {"prompt_id", "classes": [0, null, 1], "valid": [true, ...]}; null is an
// invalid generation. Errors: as read_jsonl; another length than the prompt's generations; a prompt without a partition.
Result<void> read_partitions(const std::string& path, GenerationFile& file);

}  // namespace gimbal::diversity
