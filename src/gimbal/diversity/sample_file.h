// Keeps drawn generations while a run lasts, so that one that was interrupted asks only for what it lacks.
//
// Finished samples are appended to FILE.part behind a header with the settings; the end writes FILE, a generations file in the
// order of the tasks, whole and at once, and removes FILE.part.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/base/file.h"
#include "gimbal/base/result.h"

namespace gimbal::diversity {

struct DrawnSample {
  std::string text;
  std::string finish;  // "stop", "length", or the model's own word
  bool reasoning_only = false;
};

class SampleFile {
 public:
  // `settings`: a JSON object of all that decides the samples. With `resume` goes on with PATH.part where there is one; else a
  // new one replaces it. Errors: conflict when it was begun with other settings (naming them); those of reading and writing.
  static Result<SampleFile> open(const std::string& path, const std::string& settings, bool resume);

  // Of a prompt and k; null when it is not there yet.
  const DrawnSample* find(const std::string& prompt_id, int k) const;
  std::size_t size() const { return samples_.size(); }
  Result<void> add(const std::string& prompt_id, int k, DrawnSample sample);
  Result<void> sync() { return file_->sync(); }
  // Removes the part when it holds no sample: a run that drew nothing leaves nothing behind.
  void drop_if_empty();
  // Writes the file and removes the part.
  Result<void> finish(const std::string& content);
  const std::string& part_path() const { return part_; }

 private:
  SampleFile() = default;
  std::string path_, part_;
  std::optional<AppendFile> file_;
  std::map<std::pair<std::string, int>, DrawnSample> samples_;
};

}  // namespace gimbal::diversity
