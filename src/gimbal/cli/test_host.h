// Runs commands inside a test: output goes to strings, the environment and the clock are the test's.
//
//   TestHost host;
//   EXPECT_EQ(host.run({"doctor", "--json"}), 0);
//   EXPECT_THAT(host.out, HasSubstr("gimbal.doctor/1"));
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/cli/command_line.h"
#include "gimbal/cli/registry.h"

namespace gimbal::cli {

struct TestHost {
  std::string out;
  std::string err;
  std::map<std::string, std::string> environment;
  std::string user_config;  // a path
  VirtualClock clock;
  std::stop_source stop;

  // `words` without the program's name. Clears out and err first.
  int run(std::vector<std::string> words) { return run(command_entries(), std::move(words)); }
  int run(std::span<const CommandEntry> entries, std::vector<std::string> words) {
    out.clear();
    err.clear();
    words.insert(words.begin(), "gimbal");
    return run_command_line(entries, words, host());
  }

  Host host() {
    Host made;
    made.out = [this](std::string_view bytes) { out += bytes; };
    made.err = [this](std::string_view bytes) { err += bytes; };
    made.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto at = environment.find(name);
      return at == environment.end() ? std::nullopt : std::optional<std::string>(at->second);
    };
    made.clock = &clock;
    made.stop = stop.get_token();
    made.user_config = user_config;
    return made;
  }
};

}  // namespace gimbal::cli
