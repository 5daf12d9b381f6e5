#include "gimbal/sandbox/python_interpreter.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>

extern char** environ;

namespace gimbal::sandbox {
namespace {

constexpr const char* kQuestion =
    "import os, sys\n"
    "print(sys.implementation.name, '%d.%d.%d' % sys.version_info[:3])\n"
    "print(sys.executable)\n"
    "real = os.path.dirname(os.path.realpath(sys.executable))\n"
    "print('\\0'.join([sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, real]))\n";

// Standard output of the candidate; empty when it cannot be started or fails.
std::string ask(const std::string& path) {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::array<std::string, 3> words = {path, "-c", kQuestion};
  std::array<char*, 4> argv = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  std::string answer;
  std::array<char, 4096> buffer;
  for (ssize_t size = 0; error == 0 && (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 1;
  if (error != 0 || waitpid(pid, &status, 0) != pid || status != 0) return {};
  return answer;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

bool at_least_3_8(std::string_view version) {
  int major = 0;
  int minor = 0;
  const auto first = std::from_chars(version.data(), version.data() + version.size(), major);
  if (first.ptr == version.data() + version.size()) return false;
  std::from_chars(first.ptr + 1, version.data() + version.size(), minor);
  return major > 3 || (major == 3 && minor >= 8);
}

bool below(std::string_view path, std::string_view root) {
  return path == root || (path.size() > root.size() && path.starts_with(root) && path[root.size()] == '/');
}

std::vector<std::string> candidates(const std::string& wanted, const std::string& search_path) {
  if (wanted.find('/') != std::string::npos) return {wanted};
  std::vector<std::string> found;
  std::string_view rest = search_path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    const std::string folder(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    std::string path = folder + "/" + (wanted.empty() ? "python3" : wanted);
    if (!folder.empty() && access(path.c_str(), X_OK) == 0) found.push_back(std::move(path));
  }
  return found;
}

}  // namespace

Result<PythonInterpreter> parse_python_answer(std::string_view answer) {
  const std::string_view what = take_line(answer);
  PythonInterpreter python;
  const std::size_t blank = what.find(' ');
  if (!what.starts_with("cpython ") || !at_least_3_8(what.substr(blank + 1))) {
    return fail(ErrorCode::kUnavailable, "it is {}, and CPython 3.8 or newer is needed", what.empty() ? "no Python" : what);
  }
  python.version = what.substr(blank + 1);
  python.path = take_line(answer);
  if (!python.path.starts_with('/')) {
    return fail(ErrorCode::kUnavailable, "it does not say where it is (sys.executable is \"{}\")", python.path);
  }
  std::string_view prefixes = take_line(answer);
  while (!prefixes.empty()) {
    const std::size_t end = prefixes.find('\0');
    const std::string prefix(prefixes.substr(0, end));
    prefixes.remove_prefix(end == std::string_view::npos ? prefixes.size() : end + 1);
    const bool visible =
        !prefix.starts_with('/') || prefix == "/" || below(prefix, "/usr") || below(prefix, "/bin") ||
        std::any_of(python.binds.begin(), python.binds.end(), [&](const Bind& bind) { return below(prefix, bind.source); });
    if (!visible) python.binds.push_back({prefix, "", false});
  }
  return python;
}

Result<PythonInterpreter> find_python(const std::string& wanted, const std::string& search_path) {
  const std::vector<std::string> paths = candidates(wanted, search_path);
  if (paths.empty()) {
    return fail(ErrorCode::kUnavailable, "no {} in PATH ({}); install CPython 3.8 or newer or name one with --python",
                wanted.empty() ? "python3" : wanted, search_path);
  }
  Error error{ErrorCode::kUnavailable, "no usable Python: CPython 3.8 or newer is needed", {}, {}};
  for (const std::string& path : paths) {
    Result<PythonInterpreter> python = parse_python_answer(ask(path));
    if (python) return python;
    error.notes.push_back(path + ": " + python.error().message);
  }
  return fail(std::move(error));
}

Result<PythonInterpreter> find_python(const std::string& wanted) {
  const char* search_path = std::getenv("PATH");
  return find_python(wanted, search_path != nullptr ? search_path : "/usr/local/bin:/usr/bin:/bin");
}

}  // namespace gimbal::sandbox
