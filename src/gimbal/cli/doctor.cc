#include "gimbal/cli/doctor.h"

#include <unistd.h>

#include <filesystem>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/parallel.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/registry.h"
#include "gimbal/cli/version.h"
#include "gimbal/learn/gbdt.h"
#include "gimbal/run/machine_info.h"

namespace gimbal::cli {

using run::DoctorResult;
using run::DoctorState;

namespace {

DoctorResult check_processor() {
  const std::string model = run::proc_value("/proc/cpuinfo", "model name");
  return {DoctorState::kOk, fmt::format("{} cores, {}", hardware_threads(), model.empty() ? "unknown model" : model), ""};
}

DoctorResult check_memory() {
  // 2 GiB hold the largest job of the tour and of the examples several times over.
  constexpr std::uint64_t kEnough = std::uint64_t{2} << 30;
  const std::string available = run::proc_value("/proc/meminfo", "MemAvailable");  // "16303456 kB"
  const auto kib = parse_uint(std::string_view(available).substr(0, available.find(' ')));
  if (!kib) return {DoctorState::kWarn, "cannot be read from /proc/meminfo", "mount /proc"};
  const std::uint64_t bytes = *kib * 1024;
  if (bytes < kEnough) {
    return {DoctorState::kWarn, format_bytes(bytes) + " available", "close other programs: large data may not fit"};
  }
  return {DoctorState::kOk, format_bytes(bytes) + " available", ""};
}

DoctorResult check_build() {
  const BuildInfo info = build_info();
  const std::string detail =
      fmt::format("gimbal {} (commit {}), {}, {}", info.version, info.commit, info.compiler, info.build_type);
  if (info.build_type == "Debug" || !info.sanitize.empty()) {
    return {DoctorState::kWarn, detail, "slow build; for work use `cmake --preset release && cmake --build --preset release`"};
  }
  return {DoctorState::kOk, detail, ""};
}

DoctorResult check_xgboost() {
  if (learn::gbdt_available()) return {DoctorState::kOk, "version " + learn::gbdt_library_version(), ""};
  if (!build_info().xgboost) {
    return {DoctorState::kWarn, "built without it: no gradient-boosted trees",
            "apt-get install libxgboost-dev, then build again"};
  }
  return {DoctorState::kWarn, "the library cannot be loaded: no gradient-boosted trees", "apt-get install libxgboost-dev"};
}

// Whether `folder` can be written, or made; asks without making anything.
DoctorResult check_folder(const std::string& folder, const std::string& purpose, const std::string& fix) {
  namespace fs = std::filesystem;
  if (folder.empty()) return {DoctorState::kWarn, purpose + ": no place for it, HOME is not set", fix};
  std::error_code error;
  fs::path existing = fs::absolute(folder, error);
  while (!fs::exists(existing, error) && existing.has_parent_path() && existing != existing.parent_path()) {
    existing = existing.parent_path();
  }
  if (fs::is_directory(existing, error) && access(existing.c_str(), W_OK | X_OK) == 0) return {DoctorState::kOk, folder, ""};
  return {DoctorState::kFail, fmt::format("{}: {} is no folder that can be written", purpose, existing.string()), fix};
}

}  // namespace

std::vector<run::DoctorCheck> machine_checks(const EnvironmentLookup& environment) {
  const std::string cache = cache_folder(environment);
  return {
      {"processor", check_processor},
      {"memory", check_memory},
      {"build", check_build},
      {"xgboost", check_xgboost},
      {"cache folder", [cache] { return check_folder(cache, "caches", "set XDG_CACHE_HOME to a folder of yours"); }},
      {"runs folder", [] { return check_folder("runs", "run directories", "work in a folder of yours, or give --run-dir"); }},
  };
}

namespace {

Result<int> print_checks(CommandContext& context) {
  std::vector<run::DoctorCheck> checks = machine_checks([&](const std::string& name) { return context.environment(name); });
  for (const CommandEntry& entry : command_entries()) {
    if (entry.doctor_checks == nullptr) continue;
    for (run::DoctorCheck& check : entry.doctor_checks()) checks.push_back(std::move(check));
  }
  TextTable table({"check", "state", "found"});
  std::string fixes;
  int failed = 0;
  DocumentWriter document("gimbal.doctor/1");
  JsonWriter& json = document.json();
  json.key("checks").begin_array();
  for (const run::DoctorCheck& check : checks) {
    const DoctorResult result = check.run();
    const std::string state(doctor_state_name(result.state));
    table.row({check.name, state, result.detail});
    if (!result.fix.empty()) fixes += wrap_text(fmt::format("{}: {}", check.name, result.fix), kTextWidth, 2);
    if (result.state == DoctorState::kFail) ++failed;
    json.begin_object().field("name", check.name).field("state", state).field("detail", result.detail);
    if (result.fix.empty()) {
      json.null_field("fix");
    } else {
      json.field("fix", result.fix);
    }
    json.end_object();
  }
  json.end_array().field("ok", failed == 0);
  context.print(table.text());
  if (!fixes.empty()) context.print("\nWhat to do:\n" + fixes);
  if (failed == 0) context.print("\nReady. `gimbal tour` shows what it can do.");
  GIMBAL_TRY(finish_document(context, document));
  return failed == 0 ? 0 : 1;
}

}  // namespace

CommandGroup doctor_commands() {
  Command command("doctor", "Say what this machine can do and what is missing.");
  command.description(
      "Each line is one thing that commands need: ok, warn (something works with less) or fail (what needs it cannot work). "
      "Nothing on the machine is changed. Exit code 1 when a check fails.");
  command.example("gimbal doctor");
  command.run(print_checks);
  return CommandGroup::single(std::move(command));
}

}  // namespace gimbal::cli
