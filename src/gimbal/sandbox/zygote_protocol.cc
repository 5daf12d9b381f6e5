#include "gimbal/sandbox/zygote_protocol.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "gimbal/base/text.h"

namespace gimbal::sandbox {
namespace {

static_assert(std::endian::native == std::endian::little, "the messages are copied as they lie in memory");

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

std::string message(char kind, std::string_view body) {
  std::string out;
  out.reserve(body.size() + 5);
  put(out, static_cast<std::uint32_t>(body.size() + 1));
  out += kind;
  out += body;
  return out;
}

std::string with_id(std::uint64_t id, const RunParameters& run) {
  std::string body;
  put(body, id);
  return body + encode_run(run);
}

template <typename T>
bool take(std::string_view& bytes, T& value) {
  if (bytes.size() < sizeof value) return false;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

}  // namespace

std::string encode_run(const RunParameters& run) {
  std::string out;
  const Limits& limits = run.limits;
  // The kernel counts CPU limits in seconds: the soft one (SIGXCPU) is rounded up, the hard one (SIGKILL) comes a second later.
  const std::int64_t cpu_s = run.limited ? (limits.cpu_ms + 999) / 1000 : 0;
  // One process of the count is the server itself.
  const std::array<std::int64_t, 7> values = {cpu_s,
                                              cpu_s + 1,
                                              limits.memory_bytes + limits.stack_bytes,
                                              limits.disk_bytes,
                                              limits.files,
                                              limits.processes + 1,
                                              limits.stack_bytes};
  for (const std::int64_t value : values) put(out, value);
  put(out, static_cast<std::uint8_t>(run.seed.has_value()));
  put(out, run.seed.value_or(0));
  put(out, static_cast<std::uint32_t>(run.arguments.size()));
  put_text(out, run.filter);
  for (const std::string& argument : run.arguments) put_text(out, argument);
  return out;
}

std::string encode_init(bool own_namespace, const std::vector<std::string>& preload, const std::string& filter) {
  RunParameters run;
  run.arguments = preload;
  run.filter = filter;
  return message('I', std::string(1, own_namespace ? '\1' : '\0') + encode_run(run));
}

std::string encode_program(std::uint64_t id, const RunParameters& run) { return message('P', with_id(id, run)); }
std::string encode_test(std::uint64_t id, const RunParameters& run) { return message('T', with_id(id, run)); }
std::string encode_kill() { return message('K', {}); }
std::string encode_go_on() { return message('G', {}); }

ProgramHint parse_hint(std::string_view bytes) {
  ProgramHint hint;
  if (bytes.empty() || (bytes.front() != 'E' && bytes.front() != 'S')) return hint;
  hint.syntax = bytes.front() == 'S';
  bytes.remove_prefix(1);
  for (std::string* part : {&hint.name, &hint.message, &hint.module}) {
    const std::size_t end = bytes.find('\0');
    *part = repair_utf8(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
  }
  return hint;
}

Result<std::optional<ServerMessage>> MessageReader::next() {
  std::string_view bytes = pending_;
  std::uint32_t size = 0;
  if (!take(bytes, size)) return std::optional<ServerMessage>();
  if (size == 0 || size > kMaxMessage) return fail(ErrorCode::kCorrupted, "the fork server sent a message of {} bytes", size);
  if (bytes.size() < size) return std::optional<ServerMessage>();
  bytes = bytes.substr(0, size);
  ServerMessage found;
  found.kind = bytes.front();
  bytes.remove_prefix(1);
  switch (found.kind) {
    case 'C':
    case 'D': {
      std::int32_t status = 0;
      std::int64_t cpu_us = 0;
      std::int64_t peak_kib = 0;
      if (!take(bytes, found.id) || !take(bytes, status) || !take(bytes, cpu_us) || !take(bytes, peak_kib)) {
        return fail(ErrorCode::kCorrupted, "the fork server sent a short message {}", found.kind);
      }
      found.wait_status = status;
      found.cpu_ms = static_cast<double>(std::max<std::int64_t>(cpu_us, 0)) / 1000.0;
      found.peak_bytes = std::clamp<std::int64_t>(peak_kib, 0, std::int64_t{1} << 40) * 1024;
      found.hint = parse_hint(bytes);
      break;
    }
    case 'R':
    case 'E':
      found.text = repair_utf8(bytes);
      break;
    case 'W':
      break;
    default:
      return fail(ErrorCode::kCorrupted, "the fork server sent a message of unknown kind {}", static_cast<int>(found.kind));
  }
  pending_.erase(0, sizeof size + size);
  return std::optional<ServerMessage>(std::move(found));
}

}  // namespace gimbal::sandbox
