#include "gimbal/sandbox/types.h"

#include <csignal>

#include <algorithm>
#include <array>
#include <utility>

namespace gimbal::sandbox {
namespace {

constexpr auto kStatusNames = std::to_array<std::string_view>({
    "ok",
    "empty",
    "not_text",
    "no_code",
    "syntax_error",
    "missing_entry",
    "missing_module",
    "runtime_error",
    "timeout_cpu",
    "timeout_wall",
    "memory",
    "output_limit",
    "process_limit",
    "forbidden",
    "killed",
    "not_run",
    "cancelled",
});
static_assert(kStatusNames.size() == static_cast<std::size_t>(Status::kCancelled) + 1);

constexpr auto kPolicyNames = std::to_array<std::string_view>({"auto", "full", "no-userns", "rlimits", "off"});
static_assert(kPolicyNames.size() == static_cast<std::size_t>(PolicyKind::kOff) + 1);

constexpr auto kLayerNames = std::to_array<std::string_view>({
    "userns",
    "pidns",
    "netns",
    "ipcns",
    "utsns",
    "mountns",
    "landlock",
    "seccomp",
    "rlimits",
    "nnp",
    "cgroup",
    "reaper",
});
static_assert(kLayerNames.size() == kLayerCount);

template <typename Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view status_name(Status status) { return kStatusNames.at(static_cast<std::size_t>(status)); }
std::optional<Status> parse_status(std::string_view name) { return find_name<Status>(kStatusNames, name); }

std::string_view policy_name(PolicyKind policy) { return kPolicyNames.at(static_cast<std::size_t>(policy)); }
std::optional<PolicyKind> parse_policy(std::string_view name) { return find_name<PolicyKind>(kPolicyNames, name); }

std::string_view layer_name(Layer layer) { return kLayerNames.at(static_cast<std::size_t>(layer)); }
std::optional<Layer> parse_layer(std::string_view name) { return find_name<Layer>(kLayerNames, name); }

std::vector<std::string> LayerSet::names() const {
  std::vector<std::string> names;
  for (int i = 0; i < kLayerCount; ++i) {
    if (has(static_cast<Layer>(i))) names.emplace_back(kLayerNames.at(static_cast<std::size_t>(i)));
  }
  return names;
}

Result<void> check_limits(const Limits& limits) {
  constexpr std::int64_t kLeastMemory = std::int64_t{32} << 20;  // an interpreter alone needs some 20 MiB
  const std::array<std::pair<const char*, std::int64_t>, 7> positive = {{
      {"cpu_ms", limits.cpu_ms},
      {"wall_ms", limits.wall_ms},
      {"output_bytes", limits.output_bytes},
      {"disk_bytes", limits.disk_bytes},
      {"stack_bytes", limits.stack_bytes},
      {"processes", limits.processes},
      {"files", limits.files},
  }};
  for (const auto& [name, value] : positive) {
    if (value < 1) return fail_at(name, ErrorCode::kInvalidArgument, "expected a positive number, found {}", value);
  }
  if (limits.memory_bytes < kLeastMemory) {
    return fail_at("memory_bytes", ErrorCode::kInvalidArgument, "expected at least {} (32M), found {}", kLeastMemory,
                   limits.memory_bytes);
  }
  return {};
}

std::string signal_name(int signal) {
  if (const char* abbreviation = sigabbrev_np(signal)) return std::string("SIG") + abbreviation;
  return fmt::format("SIG{}", signal);
}

}  // namespace gimbal::sandbox
