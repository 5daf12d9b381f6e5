// Which Python runs the programs: found, asked for its version and prefixes, and made visible inside the sandbox.
//
// A `python3` in PATH may be a shell script (pyenv), a link into a virtual environment, or a link chain: so the candidate
// itself is asked where it lives. What it names (its prefix, the base prefix of a virtual environment, the folder of the real
// file) is bound read-only at the same paths.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

struct PythonInterpreter {
  std::string path;         // sys.executable: an absolute path that is started inside
  std::string version;      // "3.11.2"
  std::vector<Bind> binds;  // read-only; nothing that lies below /usr, which is visible anyway
};

// `wanted`: a path or a name to look up in `search_path`; empty: the first python3 there that is CPython >= 3.8. Starts the
// candidate outside the sandbox (it is the user's own), about 20 ms each. Errors: unavailable, naming what was tried and what
// each candidate is.
Result<PythonInterpreter> find_python(const std::string& wanted, const std::string& search_path);
// With the environment's PATH.
Result<PythonInterpreter> find_python(const std::string& wanted = "");

// Reads the three lines that a candidate answers: "cpython 3.11.2", its executable, prefixes separated by NUL. For tests.
Result<PythonInterpreter> parse_python_answer(std::string_view answer);

}  // namespace gimbal::sandbox
