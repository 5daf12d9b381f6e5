// The messages between a worker and its Python fork server (zygote.py).
//
// A message is a 32-bit length (of what follows), a kind byte, and a body; integers are little-endian. Descriptors travel as
// SCM_RIGHTS with the first byte of their message.
//
//   to the server   I init     u8 process 1 of its namespace; run          the preloads are the run's arguments
//                   P program  u64 id; run                                 + the source
//                   T test     u64 id; run                                 + stdin, stdout, stderr, up to 5 more
//                   K kill     (nothing)                                   ends the running test or compilation
//                   G go on    (nothing)                                   answer to W
//   from it         R ready    version text
//                   C compiled u64 id; end                                 status 0: the program is kept for tests
//                   D done     u64 id; end                                 nothing of the test is left
//                   W waiting  (nothing)                                   without a pid namespace: end what is left
//                   E error    text, and the server ends
//   run   7 x i64 limits; u8 seeded; i64 seed; u32 n; filter text; n texts (each u32 length, bytes)
//   end   i32 wait status; i64 CPU microseconds of the tree; i64 peak resident KiB; hint
//   hint  nothing, or 'E' (exception) or 'S' (does not compile), then name NUL message NUL module
//
// The hint was written by an untrusted process, and everything from the server is treated as if it were: any bytes are parsed
// or refused, and no hint can make a failure a success, for success is the wait status alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"
#include "gimbal/sandbox/types.h"

namespace gimbal::sandbox {

// What the untrusted side says about its failure; never evidence for success.
struct ProgramHint {
  bool syntax = false;  // the program does not compile
  std::string name;     // exception class: "MemoryError"; empty: no hint
  std::string message;  // UTF-8
  std::string module;   // of ModuleNotFoundError: the missing module when it is not of the standard library
};

struct ServerMessage {
  char kind = 0;         // R C D W E
  std::uint64_t id = 0;  // C, D
  int wait_status = 0;   // C, D
  double cpu_ms = 0;     // C, D; never negative
  std::int64_t peak_bytes = 0;
  ProgramHint hint;
  std::string text;  // R, E
};

// The parameters of one compilation or test.
struct RunParameters {
  Limits limits;
  bool limited = true;  // false: no resource limits (--sandbox off)
  std::optional<std::int64_t> seed;
  std::vector<std::string> arguments;  // sys.argv[1:]
  std::string filter;                  // sock_filter[] for the test process; empty: none
};

std::string encode_init(bool own_namespace, const std::vector<std::string>& preload, const std::string& filter);
std::string encode_program(std::uint64_t id, const RunParameters& run);
std::string encode_test(std::uint64_t id, const RunParameters& run);
std::string encode_kill();
std::string encode_go_on();
// The run alone, as a fresh interpreter gets it.
std::string encode_run(const RunParameters& run);

// A hint as it stands in the page; anything that is none gives an empty hint. Text is repaired to UTF-8.
ProgramHint parse_hint(std::string_view bytes);

// Puts messages together from the bytes that arrive.
class MessageReader {
 public:
  static constexpr std::size_t kMaxMessage = 1 << 16;
  void feed(std::string_view bytes) { pending_.append(bytes); }
  // The next whole message; nullopt: more bytes are needed. Errors: corrupted for a length or body that is none; after an error
  // the stream is useless.
  Result<std::optional<ServerMessage>> next();

 private:
  std::string pending_;
};

}  // namespace gimbal::sandbox
