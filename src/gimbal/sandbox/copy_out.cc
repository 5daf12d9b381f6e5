#include "gimbal/sandbox/copy_out.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/sandbox/descriptor.h"
#include "gimbal/sandbox/launch.h"

namespace gimbal::sandbox {
namespace {

// Deeper folders are an attack on our descriptors, not a result.
constexpr int kDeepest = 32;

bool parts_match(std::span<const std::string_view> pattern, std::span<const std::string_view> path) {
  if (pattern.empty()) return path.empty();
  if (pattern[0] == "**") {
    for (std::size_t skip = 0; skip <= path.size(); ++skip) {
      if (parts_match(pattern.subspan(1), path.subspan(skip))) return true;
    }
    return false;
  }
  return !path.empty() && glob_match(pattern[0], path[0]) && parts_match(pattern.subspan(1), path.subspan(1));
}

tl::unexpected<Error> destination_error(const std::string& path) {
  const ErrorCode code = errno == ENOSPC || errno == EDQUOT  ? ErrorCode::kDiskFull
                         : errno == EACCES || errno == EROFS ? ErrorCode::kPermission
                                                             : ErrorCode::kUnavailable;
  return fail(code, "cannot write {}: {}", path, std::strerror(errno));
}

class Copier {
 public:
  explicit Copier(const CopyOutRule& rule) : rule_(rule) {}

  Result<void> walk(int folder, const std::string& prefix, int depth) {
    DIR* entries = fdopendir(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (entries == nullptr) {
      out_.skipped.push_back(prefix);
      return {};
    }
    std::vector<std::string> names;
    while (const dirent* entry = readdir(entries)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") names.push_back(name);
    }
    closedir(entries);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      const std::string path = prefix.empty() ? name : prefix + "/" + name;
      struct stat info{};
      if (fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (!S_ISDIR(info.st_mode)) {
        if (copy_out_matches(rule_.pattern, path)) GIMBAL_TRY(copy(folder, name, path));
        continue;
      }
      const Descriptor inner(openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!inner || depth == kDeepest) {
        out_.skipped.push_back(path);
        continue;
      }
      GIMBAL_TRY(walk(inner.get(), path, depth + 1));
    }
    return {};
  }
  CopiedOut take() { return std::move(out_); }

 private:
  Result<void> copy(int folder, const std::string& name, const std::string& path) {
    // O_NONBLOCK: a named pipe is opened without a writer, and then found to be no file.
    const Descriptor from(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (!from || fstat(from.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      out_.skipped.push_back(path);
      return {};
    }
    const std::string target = rule_.folder + "/" + path;
    GIMBAL_TRY(make_folders(target.substr(0, target.rfind('/'))));
    const Descriptor to(open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!to) return destination_error(target);
    std::array<char, 65536> buffer;
    for (ssize_t size; (size = read(from.get(), buffer.data(), buffer.size())) != 0;) {
      if (size < 0) return fail(ErrorCode::kUnavailable, "cannot read {}: {}", path, std::strerror(errno));
      for (ssize_t done = 0; done < size;) {
        const ssize_t written = write(to.get(), buffer.data() + done, static_cast<std::size_t>(size - done));
        if (written < 0) return destination_error(target);
        done += written;
      }
    }
    out_.files.push_back(path);
    return {};
  }

  const CopyOutRule& rule_;
  CopiedOut out_;
};

}  // namespace

Result<CopyOutRule> parse_copy_out(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size()) {
    return fail(ErrorCode::kUsage, "expected GLOB:DIR such as \"*.csv:results\", found \"{}\"", text);
  }
  std::string pattern = text.substr(0, colon);
  const std::string inside = std::string(kWorkDir) + "/";
  if (pattern.starts_with(inside)) pattern.erase(0, inside.size());
  if (pattern.starts_with("./")) pattern.erase(0, 2);
  for (const std::string_view part : split(pattern, '/')) {
    if (!part.empty() && part != "..") continue;
    return fail(ErrorCode::kUsage, "expected a pattern below the work directory, found \"{}\"", text.substr(0, colon));
  }
  return CopyOutRule{std::move(pattern), text.substr(colon + 1)};
}

bool copy_out_matches(const std::string& pattern, const std::string& path) {
  return parts_match(split(pattern, '/'), split(path, '/'));
}

Result<CopiedOut> copy_out(int work, const CopyOutRule& rule) {
  GIMBAL_TRY(make_folders(rule.folder));
  Copier copier(rule);
  GIMBAL_TRY(copier.walk(work, "", 0));
  return copier.take();
}

}  // namespace gimbal::sandbox
