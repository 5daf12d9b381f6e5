// The process around run_command_line: streams, environment, signals, and what must be fast.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/cli/command_line.h"
#include "gimbal/cli/paths.h"
#include "gimbal/cli/registry.h"

namespace {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

int main(int argc, char** argv) {
  // Scripts ask for the version often; nothing else is set up for it.
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::fputs("gimbal " GIMBAL_VERSION "\n", stdout);
    return 0;
  }
  const gimbal::RealClock clock;
  gimbal::cli::Host host;
  host.out = [](std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); };
  host.err = [](std::string_view bytes) {
    std::fflush(stdout);  // so that both streams stand in order where they meet
    std::fwrite(bytes.data(), 1, bytes.size(), stderr);
  };
  host.environment = environment;
  host.clock = &clock;
  host.stop = gimbal::install_stop_signals();
  host.user_config = gimbal::cli::user_config_path(environment);
  host.live_progress = isatty(STDERR_FILENO) != 0;
  host.is_process = true;
  const int code =
      gimbal::cli::run_command_line(gimbal::cli::command_entries(), std::vector<std::string>(argv, argv + argc), host);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("gimbal: error: standard output could not be written completely\n", stderr);
    return code == 0 ? 4 : code;
  }
  return code;
}
