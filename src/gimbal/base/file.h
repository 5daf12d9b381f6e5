// Files: whole-file reading, atomic and durable writing, gzip by suffix, locks, temporary folders, paths inside a root.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gimbal/base/result.h"

namespace gimbal {

// The whole content; a name that ends in .gz is decompressed; "-" is standard input (decompressed when it begins with gzip's
// magic bytes). Errors: not_found, permission, corrupted (bad gzip data), limit (more than `max_bytes` after decompression).
Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes = std::uint64_t{1} << 36);

// Writes to a temporary file in the same folder, fsyncs, renames over `path`, fsyncs the folder: a reader sees the old content
// or the new one, never a part. A name that ends in .gz is compressed (deterministic: no time, no name; a member each 4 MiB).
// Creates no folders. Errors: not_found (folder), permission, disk_full.
Result<void> write_atomic(const std::string& path, std::string_view content);

// Opened once, appended to, fsynced by `sync`; used for event and metric logs. Each append is one write(2).
class AppendFile {
 public:
  static Result<AppendFile> open(const std::string& path);
  AppendFile(AppendFile&&) noexcept;
  AppendFile& operator=(AppendFile&&) noexcept;
  ~AppendFile();
  Result<void> append(std::string_view bytes);
  Result<void> sync();

 private:
  explicit AppendFile(int fd, std::string path);
  int fd_ = -1;
  std::string path_;
};
// open, append, sync, close.
Result<void> append_durable(const std::string& path, std::string_view bytes);

// An exclusive advisory lock (flock) on `path`, which holds the owner's pid as text. Released and left in place on destruction.
class FileLock {
 public:
  // Errors: conflict with "held by process N" when another process has it.
  static Result<FileLock> acquire(const std::string& path);
  // The pid written in a lock that is held by some process; 0 when nobody holds it or there is no such file.
  static std::int64_t holder(const std::string& path);
  Result<void> touch();  // sets the modification time to now
  FileLock(FileLock&&) noexcept;
  FileLock& operator=(FileLock&&) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// A fresh folder that is removed with its content on destruction.
class TemporaryFolder {
 public:
  static Result<TemporaryFolder> create(std::string_view prefix = "gimbal");
  TemporaryFolder(TemporaryFolder&&) noexcept;
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

Result<void> make_folders(const std::string& path);  // mkdir -p
bool exists(const std::string& path);
// Resolves `relative` below `root`. Errors: permission when it would leave the root (.., absolute paths, symbolic links).
Result<std::filesystem::path> path_inside(const std::filesystem::path& root, std::string_view relative);

// gzip in memory. `decompress_gzip` accepts several members one after the other.
std::string compress_gzip(std::string_view bytes, int level = 6);
Result<std::string> decompress_gzip(std::string_view bytes, std::uint64_t max_bytes);

}  // namespace gimbal
