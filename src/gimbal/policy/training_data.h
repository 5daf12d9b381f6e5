// Which file models were fitted on, by name and hash, carried on in model and policy files: later verbs find it again, and a
// test on the same rows can be refused.
#pragma once

#include <string>

#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::policy {

struct TrainingData {
  std::string path, sha256;
  // The file that the training rows were split from (`run` without --test); empty when there is none. It holds the training
  // rows too, although its hash is another.
  std::string source_path, source_sha256;

  // One object; read(write(x)) == x. Documents without "source" have none.
  void write(JsonWriter& json) const;
  static Result<TrainingData> read(const JsonView& json);
};

}  // namespace gimbal::policy
