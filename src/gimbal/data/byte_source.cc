#include "gimbal/data/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "gimbal/base/check.h"
#include "gimbal/base/file.h"

namespace gimbal::data {
namespace {

class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : rest_(text) {}
  Result<std::size_t> read(char* to, std::size_t n) override {
    const std::size_t count = std::min(n, rest_.size());
    std::memcpy(to, rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, bool owned, std::string name) : fd_(fd), owned_(owned), name_(std::move(name)) {}
  ~FileSource() override {
    if (owned_) ::close(fd_);
  }
  Result<std::size_t> read(char* to, std::size_t n) override {
    while (true) {
      const ssize_t got = ::read(fd_, to, n);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      return fail_at(name_, errno == EISDIR ? ErrorCode::kInvalidArgument : ErrorCode::kInternal, "cannot be read: {}",
                     std::strerror(errno));
    }
  }

 private:
  int fd_;
  bool owned_;
  std::string name_;
};

// Bytes already taken from a source, then the source.
class PrefixedSource final : public ByteSource {
 public:
  PrefixedSource(std::string prefix, std::unique_ptr<ByteSource> rest) : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  Result<std::size_t> read(char* to, std::size_t n) override {
    if (at_ == prefix_.size()) return rest_->read(to, n);
    const std::size_t count = std::min(n, prefix_.size() - at_);
    std::memcpy(to, prefix_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string prefix_;
  std::size_t at_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> compressed, std::string name)
      : compressed_(std::move(compressed)), name_(std::move(name)), input_(kInputBytes) {
    GIMBAL_CHECK(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK, "zlib cannot start");
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  Result<std::size_t> read(char* to, std::size_t n) override {
    n = std::min<std::size_t>(n, std::size_t{1} << 30);  // zlib counts in 32 bits
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(n);
    while (stream_.avail_out == n) {
      if (stream_.avail_in == 0) {
        GIMBAL_TRY(const std::size_t got, compressed_->read(input_.data(), input_.size()));
        if (got == 0) {
          if (between_members_) return std::size_t{0};
          return fail_at(name_, ErrorCode::kCorrupted, "{}",
                         any_input_ ? "the gzip data end too early" : "expected gzip data, found an empty file");
        }
        any_input_ = true;
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(got);
      }
      if (between_members_) {
        GIMBAL_CHECK(inflateReset(&stream_) == Z_OK, "zlib cannot start over");
        between_members_ = false;
      }
      const int status = inflate(&stream_, Z_NO_FLUSH);
      if (status == Z_STREAM_END) {
        between_members_ = true;
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return fail_at(name_, ErrorCode::kCorrupted, "not valid gzip data: {}", stream_.msg ? stream_.msg : "zlib failed");
      }
    }
    return n - stream_.avail_out;
  }

 private:
  static constexpr std::size_t kInputBytes = std::size_t{1} << 16;

  std::unique_ptr<ByteSource> compressed_;
  std::string name_;
  std::vector<char> input_;
  z_stream stream_{};
  bool between_members_ = false;
  bool any_input_ = false;
};

Result<std::unique_ptr<ByteSource>> open_stdin() {
  std::unique_ptr<ByteSource> raw = std::make_unique<FileSource>(STDIN_FILENO, false, "standard input");
  std::string magic(2, '\0');
  std::size_t have = 0;
  while (have < magic.size()) {
    GIMBAL_TRY(const std::size_t got, raw->read(magic.data() + have, magic.size() - have));
    if (got == 0) break;
    have += got;
  }
  magic.resize(have);
  const bool gzipped = magic == "\x1f\x8b";
  auto whole = std::make_unique<PrefixedSource>(std::move(magic), std::move(raw));
  if (gzipped) return gunzip(std::move(whole), "standard input");
  return whole;
}

}  // namespace

Result<OpenedSource> open_bytes(const std::string& path) {
  if (path == "-") {
    GIMBAL_TRY(auto bytes, open_stdin());
    return OpenedSource{std::move(bytes), false};
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    GIMBAL_TRY(read_file(path));  // fails as well, with base's message: what is missing, and names that are near
    return fail_at(path, ErrorCode::kInternal, "cannot be opened: {}", std::strerror(error));
  }
  std::unique_ptr<ByteSource> bytes = std::make_unique<FileSource>(fd, true, path);
  struct stat info{};
  const bool repeatable = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  if (S_ISDIR(info.st_mode)) return fail_at(path, ErrorCode::kInvalidArgument, "expected a file, found a folder");
  if (path.ends_with(".gz")) bytes = gunzip(std::move(bytes), path);
  return OpenedSource{std::move(bytes), repeatable};
}

std::unique_ptr<ByteSource> bytes_of(std::string_view text) { return std::make_unique<TextSource>(text); }

std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> compressed, std::string name) {
  return std::make_unique<GzipSource>(std::move(compressed), std::move(name));
}

std::string display_name(const std::string& path) { return path == "-" ? "standard input" : path; }

}  // namespace gimbal::data
