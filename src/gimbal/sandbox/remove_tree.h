// Removes a folder that an adversary filled, with system calls only: no allocation, no recursion, no links followed.
#pragma once

namespace gimbal::sandbox {

// Nested folders are moved up to the top before they are emptied, so a tree of any depth costs two descriptors. Folders without
// permissions are given them. Async-signal-safe. Returns whether the folder is gone.
bool remove_tree(const char* path);

}  // namespace gimbal::sandbox
