#include "gimbal/base/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>

namespace gimbal {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

// Ordinary messages stand alone: people read them as the program's voice.
std::string_view prefix(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug: ";
    case LogLevel::kWarning:
      return "warning: ";
    case LogLevel::kError:
      return "error: ";
    case LogLevel::kInfo:
    case LogLevel::kOff:
      return "";
  }
  return "";
}

}  // namespace

void Redactor::add(std::string secret) {
  if (secret.size() < 4 || std::find(secrets_.begin(), secrets_.end(), secret) != secrets_.end()) return;
  // Longest first, so that a secret which begins with another one is removed whole.
  const auto place =
      std::find_if(secrets_.begin(), secrets_.end(), [&](const auto& other) { return other.size() < secret.size(); });
  secrets_.insert(place, std::move(secret));
}

std::string Redactor::apply(std::string_view text) const {
  if (secrets_.empty()) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto hit =
        std::find_if(secrets_.begin(), secrets_.end(), [&](const auto& secret) { return text.starts_with(secret); });
    if (hit != secrets_.end()) {
      out += "[redacted]";
      text.remove_prefix(hit->size());
    } else {
      out.push_back(text.front());
      text.remove_prefix(1);
    }
  }
  return out;
}

struct Log::Sink {
  explicit Sink(LogLevel level) : logger("gimbal", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger.set_level(spdlog_level(level));
    logger.set_pattern("%v");
    logger.flush_on(spdlog::level::debug);
  }
  spdlog::logger logger;
};

Log Log::to_stderr(LogLevel level) {
  Log log = silent();
  if (level != LogLevel::kOff) log.sink_ = std::make_shared<Sink>(level);
  return log;
}

Log Log::silent() {
  Log log;
  log.redactor_ = std::make_shared<Redactor>();
  return log;
}

void Log::write(LogLevel level, std::string_view message) const {
  if (!sink_ || !sink_->logger.should_log(spdlog_level(level))) return;
  sink_->logger.log(spdlog_level(level), std::string(prefix(level)) + redactor_->apply(message));
}

}  // namespace gimbal
