#include "gimbal/sandbox/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gimbal::sandbox {
namespace {

struct KernelEntry {  // linux_dirent64
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

int open_folder(int parent, const char* name) { return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); }

// "\1gimbal-0000002a": a name that the caller's program is unlikely to have used; a clash only costs another number.
void fresh_name(std::uint64_t number, char (&name)[32]) {
  std::memcpy(name, "\1gimbal-", 8);
  for (int i = 0; i < 16; ++i) name[8 + i] = "0123456789abcdef"[(number >> (60 - 4 * i)) & 15];
  name[24] = '\0';
}

// Unlinks the files of `folder`; folders in it are handled by `on_folder(name)`. Returns how many entries it saw.
template <typename OnFolder>
std::size_t empty_once(int folder, OnFolder&& on_folder) {
  std::size_t seen = 0;
  lseek(folder, 0, SEEK_SET);
  alignas(KernelEntry) char buffer[8192];
  for (;;) {
    const long n = syscall(SYS_getdents64, folder, buffer, sizeof buffer);
    if (n <= 0) return seen;
    for (long at = 0; at < n;) {
      const auto* entry = reinterpret_cast<const KernelEntry*>(buffer + at);
      at += entry->length;
      const char* name = buffer + (reinterpret_cast<const char*>(entry) - buffer) + offsetof(KernelEntry, name);
      if (std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0) continue;
      ++seen;
      if (unlinkat(folder, name, 0) == 0) continue;
      if (errno == EISDIR) on_folder(name);
    }
  }
}

}  // namespace

bool remove_tree(const char* path) {
  const int root = open_folder(AT_FDCWD, path);
  if (root < 0) return errno == ENOENT;
  fchmod(root, 0700);
  std::uint64_t number = 0;
  // Every round removes what it can at the top; it ends when a round changes nothing.
  for (std::uint64_t before = ~std::uint64_t{0}; before != number;) {
    before = number;
    empty_once(root, [&](const char* name) {
      fchmodat(root, name, 0700, 0);
      const int folder = open_folder(root, name);
      if (folder < 0) return;
      empty_once(folder, [&](const char* inner) {
        char fresh[32];
        fchmodat(folder, inner, 0700, 0);
        do {
          fresh_name(++number, fresh);
        } while (syscall(SYS_renameat2, folder, inner, root, fresh, 1u /* RENAME_NOREPLACE */) != 0 && errno == EEXIST);
      });
      close(folder);
      if (unlinkat(root, name, AT_REMOVEDIR) == 0) ++number;
    });
  }
  close(root);
  return rmdir(path) == 0;
}

}  // namespace gimbal::sandbox
