#include "gimbal/cli/policy_run_folder.h"

#include <string_view>
#include <system_error>

namespace gimbal::cli {

namespace fs = std::filesystem;

namespace {

// Everything that a run writes, in its folder and in artifacts/.
constexpr std::string_view kRunFiles[] = {"artifacts", "report.html", "events.jsonl", "metrics.jsonl", "run.json", "run.lock"};
constexpr std::string_view kArtifacts[] = {"train.csv.gz",    "test.csv.gz",           "fit.json",       "model.json",
                                           "model.json.ids",  "model.json.oof.csv.gz", "frontier.json",  "frontier.csv",
                                           "policy.json",     "policy.json.ids",       "test_use.jsonl", "evaluation.json",
                                           "actions_test.csv"};

fs::path whole(const fs::path& path) {
  const fs::path out = fs::absolute(path).lexically_normal();
  return out.has_filename() ? out : out.parent_path();  // "run/" is "run"
}

}  // namespace

RunFolderCleanup RunFolderCleanup::before(const run::RunSetup& setup) {
  RunFolderCleanup out;
  out.kept_ = whole(setup.path.empty() ? setup.root : setup.path);
  std::error_code ignored;  // what cannot be looked at is not there
  while (!fs::exists(out.kept_, ignored) && out.kept_.has_relative_path()) out.kept_ = out.kept_.parent_path();
  return out;
}

void RunFolderCleanup::remove(const std::string& folder) const {
  fs::path path = whole(folder);
  std::error_code ignored;  // the error that matters is the one that is being reported
  // `remove` leaves a folder that holds something else.
  for (const std::string_view name : kArtifacts) fs::remove(path / "artifacts" / name, ignored);
  for (const std::string_view name : kRunFiles) fs::remove(path / name, ignored);
  for (; path != kept_ && path.has_relative_path(); path = path.parent_path()) {
    if (!fs::remove(path, ignored)) return;
  }
}

}  // namespace gimbal::cli
