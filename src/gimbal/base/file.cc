#include "gimbal/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"

namespace gimbal {

namespace fs = std::filesystem;

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

ErrorCode code_of_errno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermission;
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kDiskFull;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kUnavailable;
  }
}

fs::path folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

// "; did you mean ...?" among the names of the folder; for a file that is not there.
std::string similar_names(const std::string& path) {
  static constexpr int kMostEntries = 2000;  // an error message is not worth listing a huge folder
  std::vector<std::string> names;
  std::error_code error;
  int seen = 0;
  for (auto it = fs::directory_iterator(folder_of(path), error);
       !error && it != fs::directory_iterator() && seen < kMostEntries; it.increment(error), ++seen) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return did_you_mean(fs::path(path).filename().string(), names);
}

// `doing`: "read", "write", ...
tl::unexpected<Error> file_error(std::string_view doing, const std::string& path, int error) {
  const ErrorCode code = code_of_errno(error);
  std::error_code ignored;
  if (error == ENOENT && !fs::is_directory(folder_of(path), ignored)) {
    return fail(code, "cannot {} {}: no folder {}", doing, gimbal::quoted(path, 400),
                gimbal::quoted(folder_of(path).string(), 400));
  }
  if (error == ENOENT) return fail(code, "cannot {} {}: no such file{}", doing, gimbal::quoted(path, 400), similar_names(path));
  if (error == EISDIR) return fail(code, "cannot {} {}: it is a folder", doing, gimbal::quoted(path, 400));
  if (code == ErrorCode::kDiskFull) {
    return fail(code, "cannot {} {}: no space left; free some or choose another folder", doing, gimbal::quoted(path, 400));
  }
  if (error == EACCES || error == EPERM) return fail(code, "cannot {} {}: permission denied", doing, gimbal::quoted(path, 400));
  return fail(code, "cannot {} {}: {}", doing, gimbal::quoted(path, 400), std::strerror(error));
}

tl::unexpected<Error> too_large(const std::string& path, std::uint64_t max_bytes) {
  return fail(ErrorCode::kLimit, "{} is larger than the limit of {}", gimbal::quoted(path, 400), format_bytes(max_bytes));
}

// Everything from `fd` to its end. `expected`: the size if it is known, else 0.
Result<std::string> read_all(int fd, const std::string& path, std::uint64_t expected, std::uint64_t max_bytes) {
  std::string content(expected + 1, '\0');  // one byte more: the end is found without growing
  std::size_t size = 0;
  while (true) {
    if (size == content.size()) content.resize(std::max<std::size_t>(content.size() * 2, std::size_t{1} << 16));
    const ssize_t n = ::read(fd, content.data() + size, std::min<std::size_t>(content.size() - size, std::size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path, errno);
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
    if (size > max_bytes) return too_large(path, max_bytes);
  }
  content.resize(size);
  return content;
}

Result<void> write_all(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) return {};  // a folder that may be written but not listed; its entry reaches the disk later
  // Some network file systems cannot sync a folder, which is no reason to lose the result.
  if (::fsync(fd.get()) != 0 && errno != EINVAL && errno != ENOTSUP) return file_error("sync", folder.string(), errno);
  return {};
}

bool is_gzip_name(const std::string& path) { return path.ends_with(".gz"); }

bool is_gzip_content(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

std::int64_t pid_in(int fd) {
  char buffer[24];
  const ssize_t n = ::pread(fd, buffer, sizeof buffer, 0);
  return n <= 0 ? 0 : parse_int(trim(std::string_view(buffer, static_cast<std::size_t>(n)))).value_or(0);
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::uint64_t max_bytes) {
  if (path == "-") {
    GIMBAL_TRY(std::string content, read_all(STDIN_FILENO, "standard input", 0, max_bytes));
    if (!is_gzip_content(content)) return content;
    auto plain = decompress_gzip(content, max_bytes);
    if (!plain) return fail(std::move(plain).error().at("standard input"));
    return plain;
  }
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return file_error("read", path, errno);
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return file_error("read", path, errno);
  if (S_ISDIR(status.st_mode)) return file_error("read", path, EISDIR);
  const std::uint64_t size = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  if (size > max_bytes) return too_large(path, max_bytes);
  GIMBAL_TRY(std::string content, read_all(fd.get(), path, size, max_bytes));
  if (!is_gzip_name(path)) return content;
  auto plain = decompress_gzip(content, max_bytes);
  if (!plain) return fail(std::move(plain).error().at(path));
  return plain;
}

namespace {

// Large files are tables of digits: on 100 MB of one, level 1 takes a seventh of the time of level 6 for a ninth more bytes.
// Members of a fixed size are compressed side by side, so the bytes do not depend on the number of threads.
std::string compress_file(std::string_view content) {
  constexpr std::size_t kMember = std::size_t{4} << 20;
  if (content.size() <= kMember) return compress_gzip(content);
  std::vector<std::string> members((content.size() + kMember - 1) / kMember);
  parallel_for(members.size(), 1, [&](std::size_t begin, std::size_t) {
    members[begin] = compress_gzip(content.substr(begin * kMember, kMember), 1);
  });
  std::string out;
  for (const std::string& member : members) out += member;
  return out;
}

}  // namespace

Result<void> write_atomic(const std::string& path, std::string_view content) {
  std::string compressed;
  if (is_gzip_name(path)) {
    compressed = compress_file(content);
    content = compressed;
  }
  // A link keeps pointing where it points; pipes and devices (/dev/null) are written to, never replaced.
  std::error_code error;
  fs::path target = fs::canonical(path, error);
  if (error) target = path;
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) return file_error("write", path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.ok()) return file_error("write", path, errno);
    return write_all(fd.get(), path, content);
  }

  const fs::path folder = folder_of(target.string());
  static std::atomic<unsigned> counter{0};
  int fd = -1;
  fs::path temporary;
  for (int attempt = 0; attempt < 100 && fd < 0; ++attempt) {  // names left by a killed process with our pid are passed over
    temporary = folder / fmt::format(".gimbal-{}-{}.tmp", ::getpid(), counter.fetch_add(1));
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno != EEXIST) return file_error("write", path, errno);
  }
  if (fd < 0) return file_error("write", path, EEXIST);
  const auto finish = [&]() -> Result<void> {
    const Descriptor file(fd);
    GIMBAL_TRY(write_all(file.get(), path, content));
    if (::fsync(file.get()) != 0) return file_error("write", path, errno);
    if (::rename(temporary.c_str(), target.c_str()) != 0) return file_error("write", path, errno);
    return {};
  };
  if (auto done = finish(); !done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_folder(folder);
}

AppendFile::AppendFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
AppendFile::AppendFile(AppendFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}
AppendFile::~AppendFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<AppendFile> AppendFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return file_error("append to", path, errno);
  return AppendFile(fd, path);
}

Result<void> AppendFile::append(std::string_view bytes) { return write_all(fd_, path_, bytes); }

Result<void> AppendFile::sync() {
  if (::fsync(fd_) != 0 && errno != EINVAL) return file_error("sync", path_, errno);  // EINVAL: a pipe or a terminal
  return {};
}

Result<void> append_durable(const std::string& path, std::string_view bytes) {
  const bool created = !exists(path);
  GIMBAL_TRY(AppendFile file, AppendFile::open(path));
  GIMBAL_TRY(file.append(bytes));
  GIMBAL_TRY(file.sync());
  return created ? sync_folder(folder_of(path)) : Result<void>{};
}

Result<FileLock> FileLock::acquire(const std::string& path) {
  Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.ok()) return file_error("lock", path, errno);
  // `holder` of another process takes the lock for microseconds; a few attempts tell it from an owner.
  int error = 0;
  for (int attempt = 0; attempt < 5; ++attempt) {
    error = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    if (error != EWOULDBLOCK && error != EINTR) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  if (error == EWOULDBLOCK)
    return fail(ErrorCode::kConflict, "{} is held by process {}", gimbal::quoted(path, 400), pid_in(fd.get()));
  if (error != 0) return file_error("lock", path, error);
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0) return file_error("lock", path, errno);
  GIMBAL_TRY(write_all(fd.get(), path, pid));
  return FileLock(fd.release());
}

std::int64_t FileLock::holder(const std::string& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok() || ::flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return 0;
  return pid_in(fd.get());
}

Result<void> FileLock::touch() {
  if (::futimens(fd_, nullptr) != 0) return fail(code_of_errno(errno), "cannot touch the lock: {}", std::strerror(errno));
  return {};
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<TemporaryFolder> TemporaryFolder::create(std::string_view prefix) {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  if (error) return fail(ErrorCode::kUnavailable, "no folder for temporary files: {}; set TMPDIR", error.message());
  std::string path = (base / fmt::format("{}-XXXXXX", prefix)).string();
  if (::mkdtemp(path.data()) == nullptr) return file_error("make a folder in", base.string(), errno);
  return TemporaryFolder(path);
}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Result<void> make_folders(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error && error.value() != EEXIST && error.value() != ENOTDIR) {
    return fail(code_of_errno(error.value()), "cannot make the folder {}: {}", gimbal::quoted(path, 400), error.message());
  }
  if (!fs::is_directory(path, error)) {
    return fail(ErrorCode::kAlreadyExists, "cannot make the folder {}: a file stands in its place", gimbal::quoted(path, 400));
  }
  return {};
}

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

Result<fs::path> path_inside(const fs::path& root, std::string_view relative) {
  const auto refused = [&](std::string_view why) {
    return fail(ErrorCode::kPermission, "the path {} may not leave its folder: {}", gimbal::quoted(relative, 400), why);
  };
  if (relative.find('\0') != std::string_view::npos) return refused("it holds a NUL byte");
  if (relative.starts_with('/')) return refused("it is absolute; give it relative to the folder");
  fs::path path = root;
  for (const std::string_view part : split(relative, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused("it has a \"..\"");
    path /= part;
    struct stat status;
    if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode)) {
      return refused(fmt::format("{} is a symbolic link", gimbal::quoted(path.lexically_relative(root).string(), 400)));
    }
  }
  return path;
}

std::string compress_gzip(std::string_view bytes, int level) {
  GIMBAL_CHECK(level >= 0 && level <= 9, "gzip levels are 0 to 9");
  z_stream stream{};
  // 15 + 16: the largest window, gzip's header without a time or a name.
  GIMBAL_CHECK(deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out;
  std::size_t taken = 0;
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    const auto piece = static_cast<uInt>(std::min<std::size_t>(bytes.size() - taken, std::size_t{1} << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
    stream.avail_in = piece;
    const int flush = taken + piece == bytes.size() ? Z_FINISH : Z_NO_FLUSH;
    const std::size_t before = out.size();
    const std::size_t room = std::min<std::size_t>(deflateBound(&stream, piece), std::size_t{1} << 30) + 64;
    out.resize(before + room);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(room);
    status = deflate(&stream, flush);
    out.resize(before + room - stream.avail_out);
    taken += piece - stream.avail_in;
  }
  deflateEnd(&stream);
  return out;
}

Result<std::string> decompress_gzip(std::string_view bytes, std::uint64_t max_bytes) {
  if (!is_gzip_content(bytes)) return fail(ErrorCode::kCorrupted, "not gzip data: it does not begin with gzip's magic bytes");
  z_stream stream{};
  GIMBAL_CHECK(inflateInit2(&stream, 15 + 16) == Z_OK);
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);

  // The last four bytes are the size of the last member modulo 2^32: a hint only. Deflate expands at most 1032 times.
  std::uint64_t hint = 0;
  for (std::size_t i = 0; i < 4 && bytes.size() >= 18; ++i) {
    hint |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[bytes.size() - 4 + i])) << (8 * i);
  }
  std::string out(std::min<std::uint64_t>({hint, max_bytes, bytes.size() * 1032ull}) + 1, '\0');
  std::size_t size = 0, taken = 0;
  while (true) {
    if (size == out.size()) {
      if (size > max_bytes) break;
      out.resize(std::min<std::uint64_t>(max_bytes + 1, std::max<std::uint64_t>(out.size() * 2, std::uint64_t{1} << 16)));
    }
    const auto piece = static_cast<uInt>(std::min<std::size_t>(bytes.size() - taken, std::size_t{1} << 30));
    const auto room = static_cast<uInt>(std::min<std::size_t>(out.size() - size, std::size_t{1} << 30));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data() + taken));
    stream.avail_in = piece;
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.avail_out = room;
    const int status = inflate(&stream, Z_NO_FLUSH);
    taken += piece - stream.avail_in;
    size += room - stream.avail_out;
    if (size > max_bytes) break;
    if (status == Z_STREAM_END) {
      const std::string_view rest = bytes.substr(taken);
      if (rest.find_first_not_of('\0') == std::string_view::npos) {  // the end, or padding to a block of a tape
        out.resize(size);
        return out;
      }
      if (!is_gzip_content(rest))
        return fail(ErrorCode::kCorrupted, "gzip data is followed by other bytes at offset {}", taken);
      inflateReset(&stream);
      continue;
    }
    if (status == Z_BUF_ERROR && taken == bytes.size() && stream.avail_out > 0) {
      return fail(ErrorCode::kCorrupted, "gzip data ends too early, after {} bytes; was the file cut off?", bytes.size());
    }
    if (status != Z_OK && status != Z_BUF_ERROR) {
      return fail(ErrorCode::kCorrupted, "gzip data is damaged near offset {}: {}", taken,
                  stream.msg ? stream.msg : "bad data");
    }
  }
  return fail(ErrorCode::kLimit, "the data are larger than the limit of {} once decompressed", format_bytes(max_bytes));
}

}  // namespace gimbal
