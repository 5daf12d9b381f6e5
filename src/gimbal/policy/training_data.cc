#include "gimbal/policy/training_data.h"

namespace gimbal::policy {

void TrainingData::write(JsonWriter& json) const {
  json.begin_object().field("path", path).field("sha256", sha256).key("source");
  if (source_sha256.empty())
    json.null();
  else
    json.begin_object().field("path", source_path).field("sha256", source_sha256).end_object();
  json.end_object();
}

Result<TrainingData> TrainingData::read(const JsonView& json) {
  GIMBAL_TRY(json.expect_only({"path", "sha256", "source"}));
  TrainingData out;
  GIMBAL_TRY(out.path, json.string("path"));
  GIMBAL_TRY(out.sha256, json.string("sha256"));
  if (json.has("source")) {
    GIMBAL_TRY(const JsonView source, json.get("source"));
    GIMBAL_TRY(source.expect_only({"path", "sha256"}));
    GIMBAL_TRY(out.source_path, source.string("path"));
    GIMBAL_TRY(out.source_sha256, source.string("sha256"));
  }
  return out;
}

}  // namespace gimbal::policy
