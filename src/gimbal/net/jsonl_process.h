// A child program that speaks JSON lines: one request a line on its standard input, one answer a line on its standard output.
//
// Every request carries an "id" that we choose; answers come in any order and repeat it. One thread does all input and output,
// so callers only wait. A child that dies fails the calls that wait for it and is started again by the next call: at most three
// times in a row, after 0.2, 1 and 5 s; an answer resets the count. A child that lets a call time out without having answered
// anything since is taken for hung and ended. What it writes to standard error goes to a callback line by line; the last lines
// stand in error messages. Which fields requests and answers have is the business of the user (models, verifiers, tools).
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/clock.h"
#include "gimbal/base/json.h"
#include "gimbal/base/result.h"

namespace gimbal::net {

struct JsonlProcessOptions {
  double timeout_s = 600;                              // of one call, waiting for its answer
  std::size_t max_line_bytes = std::size_t{64} << 20;  // of one answer
  // Waits before the first, second and third start after a death.
  std::array<double, 3> restart_waits_s = {0.2, 1.0, 5.0};
  bool accept_nan = false;  // NaN and Infinity, which many writers of JSON emit, are read as null
  // Called on the thread of the input and output; empty: lines are only kept for messages.
  std::function<void(std::string_view line)> on_error_line = {};
};

// Thread-safe: any number of calls at a time. Destruction closes the child's input, waits for a moment, and ends its group.
class JsonlProcess {
 public:
  // `command`: words as split_command reads them. Starts the program. Errors: as split_command and Process::start.
  static Result<JsonlProcess> start(std::string_view command, JsonlProcessOptions options = {});
  JsonlProcess(JsonlProcess&&) noexcept;
  JsonlProcess& operator=(JsonlProcess&&) noexcept;
  ~JsonlProcess();

  // `members`: what the request holds beside "id", a JSON object ("{\"op\":\"generate\"}"). Blocks until its answer, an object,
  // has come. Errors: time_limit; interrupted; unavailable (the program ended, or cannot be started again: how it ended and its
  // last lines of standard error); parse_error (a line that is no JSON object or has no id: everything that waits fails and the
  // program is ended, since nothing later can be trusted).
  Result<JsonView> call(std::string_view members, const StopToken& stop = {});

  // Writes all requests at once and an empty line behind them, for programs that work by batches; the results in order. The
  // time limit runs from the last answer of any request. Errors, of each: as `call`.
  std::vector<Result<JsonView>> call_batch(std::span<const std::string> members, const StopToken& stop = {});

 private:
  struct State;
  explicit JsonlProcess(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace gimbal::net
