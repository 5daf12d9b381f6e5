#include "gimbal/run/run_path.h"

#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"

namespace gimbal::run {

namespace fs = std::filesystem;

namespace {

// "20260301-120000", UTC.
std::string stamp(const Clock& clock) {
  const std::string text = format_utc(clock.now());  // 2026-03-01T12:00:00.250Z
  return fmt::format("{}{}{}-{}{}{}", text.substr(0, 4), text.substr(5, 2), text.substr(8, 2), text.substr(11, 2),
                     text.substr(14, 2), text.substr(17, 2));
}

// The default path without its number.
std::string base_path(const RunSetup& setup, const Clock& clock) {
  const bool silent = setup.verb.empty() || setup.verb == "run" || setup.verb == "train";
  return fmt::format("{}/{}{}{}-{}", without_trailing_slash(setup.root), setup.component, silent ? "" : "-",
                     silent ? "" : setup.verb, stamp(clock));
}

std::string numbered(const std::string& base, int number) { return number == 1 ? base : fmt::format("{}-{}", base, number); }

// Makes the folder of a run that has no name yet; two runs that start in the same second get two.
Result<std::string> make_default_folder(const RunSetup& setup, const Clock& clock) {
  GIMBAL_TRY(make_folders(setup.root));
  const std::string base = base_path(setup, clock);
  for (int number = 1;; ++number) {
    const std::string path = numbered(base, number);
    std::error_code error;
    if (fs::create_directory(path, error)) return path;
    if (error && error != std::errc::file_exists) {
      return fail(ErrorCode::kPermission, "cannot make the run directory {}: {}", gimbal::quoted(path, 400), error.message());
    }
  }
}

// The folder that the user named: new, or empty.
Result<std::string> make_named_folder(const std::string& wanted) {
  const std::string path = without_trailing_slash(wanted);
  if (exists(path + "/run.json")) {
    return fail(ErrorCode::kAlreadyExists, "{} holds a run; choose another folder, or continue that run with --resume",
                gimbal::quoted(path, 400));
  }
  GIMBAL_TRY(make_folders(path));
  std::error_code error;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (at->path().filename() == "run.lock") continue;  // of a run that was killed before it wrote anything
    return fail(ErrorCode::kAlreadyExists, "{} is not empty; choose another folder for the run", gimbal::quoted(path, 400));
  }
  if (error) return fail(ErrorCode::kPermission, "cannot read the folder {}: {}", gimbal::quoted(path, 400), error.message());
  return path;
}

}  // namespace

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string default_run_path(const RunSetup& setup, const Clock& clock) {
  const std::string base = base_path(setup, clock);
  for (int number = 1;; ++number) {
    if (const std::string path = numbered(base, number); !exists(path)) return path;
  }
}

Result<std::string> make_run_folder(const RunSetup& setup, const Clock& clock) {
  return setup.path.empty() ? make_default_folder(setup, clock) : make_named_folder(setup.path);
}

}  // namespace gimbal::run
