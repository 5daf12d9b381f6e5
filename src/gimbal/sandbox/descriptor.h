// A file descriptor that closes itself, and files in memory that nobody can change.
#pragma once

#include <string_view>
#include <utility>

#include "gimbal/base/result.h"

namespace gimbal::sandbox {

// A descriptor that is closed on destruction.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    other.reset();
    return *this;
  }
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// A file in memory with this content, at its start, sealed: a program that gets it can read and seek but not change it.
// Errors: unavailable.
Result<Descriptor> sealed_file(std::string_view content);

}  // namespace gimbal::sandbox
