// Logging to stderr through spdlog, with secrets removed. A Log is made in main() and passed down.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gimbal {

// Replaces registered secrets by "[redacted]" wherever text leaves the program: logs, errors, run directories.
class Redactor {
 public:
  void add(std::string secret);  // texts shorter than 4 bytes are not registered (they would redact everything)
  std::string apply(std::string_view text) const;

 private:
  std::vector<std::string> secrets_;
};

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

class Log {
 public:
  // `quiet`: only errors. `verbose`: debug too.
  static Log to_stderr(LogLevel level);
  static Log silent();
  void debug(std::string_view message) const { write(LogLevel::kDebug, message); }
  void info(std::string_view message) const { write(LogLevel::kInfo, message); }
  void warning(std::string_view message) const { write(LogLevel::kWarning, message); }
  void error(std::string_view message) const { write(LogLevel::kError, message); }
  Redactor& redactor() { return *redactor_; }
  const Redactor& redactor() const { return *redactor_; }

 private:
  struct Sink;
  void write(LogLevel level, std::string_view message) const;
  std::shared_ptr<Sink> sink_;
  std::shared_ptr<Redactor> redactor_;
};

}  // namespace gimbal
