#include "gimbal/cli/policy_test_use.h"

#include <filesystem>
#include <set>

#include "gimbal/base/file.h"
#include "gimbal/base/json.h"
#include "gimbal/data/jsonl.h"

namespace gimbal::cli {

std::string run_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  if (folder.filename() != "artifacts" || !exists((folder.parent_path() / "run.json").string())) return "";
  return folder.parent_path().string();
}

Result<int> record_test_use(const std::string& run_folder, const std::string& test_sha256, const std::string& policy_sha256,
                            const Clock& clock) {
  const std::string path = (std::filesystem::path(run_folder) / "artifacts" / "test_use.jsonl").string();
  std::set<std::string> others;
  bool known = false;
  if (exists(path)) {
    GIMBAL_TRY(const data::JsonlRecords records, data::read_jsonl(path, {.allow_torn = true}));
    for (const JsonView& record : records.records) {
      GIMBAL_TRY(const std::string test, record.string("test_sha256"));
      GIMBAL_TRY(const std::string policy, record.string("policy_sha256"));
      if (test != test_sha256) continue;
      if (policy == policy_sha256)
        known = true;
      else
        others.insert(policy);
    }
  }
  if (!known) {
    JsonWriter line;
    line.begin_object()
        .field("schema", "gimbal.policy.test_use/1")
        .field("at", format_utc(clock.now()))
        .field("test_sha256", test_sha256);
    line.field("policy_sha256", policy_sha256).end_object();
    GIMBAL_TRY(append_durable(path, line.text() + "\n"));
  }
  return static_cast<int>(others.size());
}

}  // namespace gimbal::cli
