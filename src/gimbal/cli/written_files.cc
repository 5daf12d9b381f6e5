#include "gimbal/cli/written_files.h"

#include <unistd.h>

#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kShownPath = 400;  // bytes

// Something that a write replaces; devices and pipes are not.
bool is_replaced(const std::string& path) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  return !fs::exists(status) || fs::is_regular_file(status);
}

bool is_same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (fs::equivalent(a, b, error) && !error) return true;
  const fs::path whole_a = fs::weakly_canonical(fs::absolute(a, error), error);
  const fs::path whole_b = fs::weakly_canonical(fs::absolute(b, error), error);
  return !error && whole_a == whole_b;
}

Result<void> check_writable(const NamedFile& file) {
  std::error_code error;
  if (fs::is_directory(file.path, error)) {
    return fail_at(file.where, ErrorCode::kInvalidArgument, "cannot write {}: it is a folder",
                   gimbal::quoted(file.path, kShownPath));
  }
  // A link keeps pointing where it points: the file behind it is replaced.
  fs::path target = fs::canonical(file.path, error);
  if (error) target = file.path;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  if (!fs::is_directory(folder, error)) {
    return fail_at(file.where, ErrorCode::kNotFound, "cannot write {}: no folder {}", gimbal::quoted(file.path, kShownPath),
                   gimbal::quoted(folder.string(), kShownPath));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return fail_at(file.where, ErrorCode::kPermission, "cannot write {}: permission denied",
                   gimbal::quoted(file.path, kShownPath));
  }
  return {};
}

}  // namespace

Result<void> check_written(std::span<const NamedFile> written, std::span<const NamedFile> read) {
  for (std::size_t i = 0; i < written.size(); ++i) {
    const NamedFile& file = written[i];
    if (file.path.empty()) {
      return fail_at(file.where, ErrorCode::kUsage, "expected the name of a file, found \"\"");
    }
    if (!is_replaced(file.path) && !fs::is_directory(file.path)) continue;
    for (const NamedFile& input : read) {
      if (input.path.empty() || !is_same_file(file.path, input.path)) continue;
      return fail_at(file.where, ErrorCode::kUsage, "{} would overwrite what the command reads ({}); choose another name",
                     gimbal::quoted(file.path, kShownPath), input.where);
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (!is_same_file(file.path, written[j].path)) continue;
      return fail_at(file.where, ErrorCode::kUsage, "{} is written by {} too; choose another name",
                     gimbal::quoted(file.path, kShownPath), written[j].where);
    }
    GIMBAL_TRY(check_writable(file));
  }
  return {};
}

Result<void> write_outputs(std::span<const OutputFile> files) {
  std::vector<std::string> made;
  for (const OutputFile& file : files) {
    const bool is_new = !exists(file.path);
    if (Result<void> written = write_atomic(file.path, file.content); !written) {
      std::error_code ignored;  // the error that matters is the one that is being reported
      for (const std::string& path : made) fs::remove(path, ignored);
      return written;
    }
    if (is_new) made.push_back(file.path);
  }
  return {};
}

}  // namespace gimbal::cli
