#include "gimbal/sandbox/descriptor.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gimbal::sandbox {

void Descriptor::reset() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

Result<Descriptor> sealed_file(std::string_view content) {
  Descriptor file(memfd_create("input", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return fail(ErrorCode::kUnavailable, "cannot make a file in memory: {}", std::strerror(errno));
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t size = pwrite(file.get(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return fail(ErrorCode::kUnavailable, "cannot write a file in memory: {}", std::strerror(errno));
    done += static_cast<std::size_t>(size);
  }
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return fail(ErrorCode::kUnavailable, "cannot seal a file in memory: {}", std::strerror(errno));
  }
  return file;
}

}  // namespace gimbal::sandbox
