#include "gimbal/net/jsonl_process.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/base/process.h"
#include "gimbal/base/text.h"

namespace gimbal::net {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kTailLines = 5;        // of standard error, in messages
constexpr std::size_t kTailLineBytes = 400;  // of each
constexpr double kFarewellS = 0.5;           // for a child to end by itself once its input is closed

SteadyClock::duration seconds(double s) {
  return std::chrono::duration_cast<SteadyClock::duration>(std::chrono::duration<double>(s));
}

// One call that waits.
struct Pending {
  std::optional<Result<JsonView>> answer;
  std::uint64_t answers_before = 0;  // answers of the child when this request was given to it
};

// Takes what a descriptor has now. False at its end.
bool drain(int descriptor, std::string& into) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got > 0) {
      into.append(buffer.data(), static_cast<std::size_t>(got));
      if (static_cast<std::size_t>(got) < buffer.size()) return true;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }
}

// The line with NaN, Infinity and -Infinity outside of strings as null.
std::string without_nan(std::string_view line) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size();) {
    const std::string_view rest = line.substr(i);
    std::size_t size = 0;
    if (!quoted) {
      for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
        if (rest.starts_with(word)) size = word.size();
      }
    }
    if (size > 0) {
      out += "null";
      i += size;
      continue;
    }
    if (quoted && rest.front() == '\\' && rest.size() > 1)
      out += line[i++];
    else if (rest.front() == '"')
      quoted = !quoted;
    out += line[i++];
  }
  return out;
}

// A request as it is sent. `members` is one object on one line.
void append_request(std::string& out, std::uint64_t id, std::string_view members) {
  members = trim(members);
  GIMBAL_CHECK(
      members.size() >= 2 && members.front() == '{' && members.back() == '}' && members.find('\n') == std::string_view::npos,
      "the members of a request are one JSON object on one line");
  out += fmt::format("{{\"id\":{}{}{}\n", id, members.size() > 2 ? "," : "", members.substr(1));
}

}  // namespace

struct JsonlProcess::State {
  State(std::string text, std::vector<std::string> words, JsonlProcessOptions given)
      : command(std::move(text)),
        argv(std::move(words)),
        options(std::move(given)),
        wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~State() {
    {
      const std::lock_guard lock(mutex);
      closing = true;
    }
    changed.notify_all();
    signal_wake();
    if (io.joinable()) io.join();
    if (wake >= 0) close(wake);
  }

  Result<void> start_child();  // with the lock held
  Result<void> ensure_child(std::unique_lock<std::mutex>& lock, const StopToken& stop);
  Result<JsonView> call(std::string_view members, const StopToken& stop);
  std::vector<Result<JsonView>> call_batch(std::span<const std::string> members, const StopToken& stop);
  Error late() const;
  void signal_wake() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t ignored = write(wake, &one, sizeof one);
  }

  // On the thread of the input and output.
  void run();
  bool turn(std::unique_lock<std::mutex>& lock);  // one wait; false when the child is gone
  bool take_lines();                              // false: the child broke the protocol
  void take_error_lines(bool at_end);
  void fail_pending(ErrorCode code, const std::string& message);
  std::vector<std::string> tail_notes() const;

  const std::string command;
  const std::vector<std::string> argv;
  const JsonlProcessOptions options;
  const int wake;

  std::mutex mutex;
  std::condition_variable_any changed;
  std::optional<Process> child;  // used by the io thread alone while it is there
  bool hung = false;             // the io thread ends the child
  bool closing = false;
  int failures = 0;  // deaths since the last answer
  std::string last_death;
  std::uint64_t next_id = 0;
  std::uint64_t answers = 0;
  std::map<std::uint64_t, Pending*> pending;
  std::string outgoing, incoming, incoming_error;
  std::deque<std::string> tail;
  std::thread io;
};

Result<void> JsonlProcess::State::start_child() {
  GIMBAL_TRY(Process started, Process::start({.argv = argv, .pipe_error = true}));
  outgoing.clear();
  incoming.clear();
  incoming_error.clear();
  tail.clear();
  last_death.clear();
  hung = false;
  child.emplace(std::move(started));
  changed.notify_all();
  return {};
}

Result<void> JsonlProcess::State::ensure_child(std::unique_lock<std::mutex>& lock, const StopToken& stop) {
  while (!child || hung) {
    if (child) {  // on its way out: a request would only fail with it
      changed.wait(lock, stop, [&] { return !child; });
      if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
      continue;
    }
    if (failures > static_cast<int>(options.restart_waits_s.size()))
      return fail(ErrorCode::kUnavailable, "the program {} ended {} times in a row without an answer, the last time with {}",
                  gimbal::quoted(command), failures, last_death);
    const int seen = failures;
    const double wait_s = failures == 0 ? 0 : options.restart_waits_s[static_cast<std::size_t>(failures - 1)];
    const auto until = SteadyClock::now() + seconds(wait_s);
    changed.wait_until(lock, stop, until, [&] { return child.has_value() || failures != seen; });
    if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
    if (!child && failures == seen) GIMBAL_TRY(start_child());
  }
  return {};
}

Result<JsonView> JsonlProcess::State::call(std::string_view members, const StopToken& stop) {
  std::unique_lock lock(mutex);
  GIMBAL_TRY(ensure_child(lock, stop));
  const std::uint64_t id = ++next_id;
  Pending mine{.answer = std::nullopt, .answers_before = answers};
  pending.emplace(id, &mine);
  append_request(outgoing, id, members);
  signal_wake();
  const bool answered =
      changed.wait_until(lock, stop, SteadyClock::now() + seconds(options.timeout_s), [&] { return mine.answer.has_value(); });
  pending.erase(id);
  if (answered) return std::move(*mine.answer);
  if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
  if (child && answers == mine.answers_before) {
    hung = true;
    signal_wake();
  }
  return fail(late());
}

Error JsonlProcess::State::late() const {
  return {ErrorCode::kTimeLimit,
          fmt::format("the program {} gave no answer within {}", gimbal::quoted(command),
                      format_duration(Duration(options.timeout_s))),
          tail_notes(),
          {}};
}

std::vector<Result<JsonView>> JsonlProcess::State::call_batch(std::span<const std::string> members, const StopToken& stop) {
  std::vector<Result<JsonView>> results;
  if (members.empty()) return results;
  std::unique_lock lock(mutex);
  if (const auto there = ensure_child(lock, stop); !there) {
    results.assign(members.size(), tl::unexpected(there.error()));
    return results;
  }
  std::vector<Pending> mine(members.size());
  const std::uint64_t first = next_id + 1;
  for (std::size_t i = 0; i < members.size(); ++i) {
    pending.emplace(++next_id, &mine[i]);
    append_request(outgoing, next_id, members[i]);
  }
  outgoing += '\n';
  signal_wake();
  const auto complete = [&] { return std::ranges::all_of(mine, [](const Pending& one) { return one.answer.has_value(); }); };
  bool in_time = true;
  while (in_time && !complete() && !stop.stop_requested()) {
    const std::uint64_t seen = answers;
    in_time = changed.wait_until(lock, stop, SteadyClock::now() + seconds(options.timeout_s),
                                 [&] { return answers != seen || complete(); });
  }
  for (std::size_t i = 0; i < members.size(); ++i) pending.erase(first + i);
  if (!complete() && !stop.stop_requested() && child) {
    hung = true;
    signal_wake();
  }
  for (Pending& one : mine) {
    if (one.answer) {
      results.push_back(std::move(*one.answer));
    } else if (stop.stop_requested()) {
      results.push_back(fail(ErrorCode::kInterrupted, "interrupted"));
    } else {
      results.push_back(fail(late()));
    }
  }
  return results;
}

std::vector<std::string> JsonlProcess::State::tail_notes() const {
  std::vector<std::string> out;
  for (const std::string& line : tail) out.push_back("its standard error: " + line);
  return out;
}

void JsonlProcess::State::fail_pending(ErrorCode code, const std::string& message) {
  const std::vector<std::string> notes = tail_notes();
  for (auto& [id, waiting] : pending) {
    if (!waiting->answer) waiting->answer = tl::unexpected(Error{code, message, notes, {}});
  }
  changed.notify_all();
}

bool JsonlProcess::State::take_lines() {
  std::size_t begin = 0;
  bool good = true;
  for (std::size_t end = incoming.find('\n'); good && end != std::string::npos; end = incoming.find('\n', begin)) {
    const std::string_view line = trim(std::string_view(incoming).substr(begin, end - begin));
    begin = end + 1;
    if (line.empty()) continue;
    auto answer = JsonView::parse(line, "answer");
    if (!answer && options.accept_nan) answer = JsonView::parse(without_nan(line), "answer");
    const auto id = answer ? answer->integer("id") : Result<std::int64_t>(tl::unexpected(answer.error()));
    if (!id) {
      fail_pending(ErrorCode::kParseError,
                   fmt::format("the program {} broke the protocol: expected a JSON object with the \"id\" of a request on each "
                               "line, found {}",
                               gimbal::quoted(command), gimbal::quoted(line, 120)));
      good = false;
      break;
    }
    const auto waiting = pending.find(static_cast<std::uint64_t>(*id));
    if (waiting == pending.end() && (*id < 1 || static_cast<std::uint64_t>(*id) > next_id)) {
      fail_pending(ErrorCode::kParseError,
                   fmt::format("the program {} broke the protocol: it answered id {}, which no request has",
                               gimbal::quoted(command), *id));
      good = false;
      break;
    }
    ++answers;
    failures = 0;
    if (waiting != pending.end() && !waiting->second->answer) waiting->second->answer = *answer;
    changed.notify_all();
  }
  incoming.erase(0, begin);
  if (good && incoming.size() > options.max_line_bytes) {
    fail_pending(ErrorCode::kParseError, fmt::format("the program {} wrote a line of more than {}", gimbal::quoted(command),
                                                     format_bytes(options.max_line_bytes)));
    good = false;
  }
  return good;
}

void JsonlProcess::State::take_error_lines(bool at_end) {
  std::size_t begin = 0;
  const auto keep = [this](std::string_view line) {
    const std::string shown = repair_utf8(line.substr(0, kTailLineBytes));
    tail.push_back(shown);
    if (tail.size() > kTailLines) tail.pop_front();
    if (options.on_error_line) options.on_error_line(shown);
  };
  for (std::size_t end; (end = incoming_error.find('\n', begin)) != std::string::npos; begin = end + 1)
    keep(std::string_view(incoming_error).substr(begin, end - begin));
  incoming_error.erase(0, begin);
  if ((at_end && !incoming_error.empty()) || incoming_error.size() > kTailLineBytes) {
    keep(incoming_error);
    incoming_error.clear();
  }
}

bool JsonlProcess::State::turn(std::unique_lock<std::mutex>& lock) {
  std::array<pollfd, 5> watched = {pollfd{wake, POLLIN, 0}, pollfd{child->output(), POLLIN, 0},
                                   pollfd{child->error(), POLLIN, 0}, pollfd{child->pidfd(), POLLIN, 0},
                                   pollfd{outgoing.empty() ? -1 : child->input(), POLLOUT, 0}};
  lock.unlock();
  poll(watched.data(), watched.size(), -1);
  std::uint64_t count;
  [[maybe_unused]] const ssize_t ignored = read(wake, &count, sizeof count);
  lock.lock();
  if (closing) return false;
  if (hung) {
    last_death = "silence until the time limit";
    return false;
  }
  bool open = true;
  if (watched[1].revents) open = drain(child->output(), incoming);
  if (watched[2].revents) drain(child->error(), incoming_error);
  take_error_lines(false);
  if (!take_lines()) {
    last_death = "a line that is none of the protocol";
    return false;
  }
  if (!outgoing.empty() && watched[4].revents) {
    const auto written = write_some(child->input(), outgoing);
    if (!written) {
      open = false;
    } else {
      outgoing.erase(0, *written);
    }
  }
  return open && !watched[3].revents;
}

void JsonlProcess::State::run() {
  std::unique_lock lock(mutex);
  while (true) {
    changed.wait(lock, [this] { return child.has_value() || closing; });
    if (!child) return;
    while (turn(lock)) {
    }
    // The child is at its end, or about to be. Its last words first.
    Process ending = std::move(*child);
    lock.unlock();
    ending.close_input();
    const bool by_itself = ending.wait_end(kFarewellS).has_value();
    const ProcessEnd end = ending.stop();
    lock.lock();
    drain(ending.output(), incoming);
    drain(ending.error(), incoming_error);
    take_error_lines(true);
    if (!closing) take_lines();
    ++failures;
    if (last_death.empty() || by_itself) last_death = end.text();
    fail_pending(ErrorCode::kUnavailable, closing ? "the program was closed"
                                                  : fmt::format("the program {} ended with {} before it had answered",
                                                                gimbal::quoted(command), last_death));
    child.reset();
    changed.notify_all();
    if (closing) return;
  }
}

Result<JsonlProcess> JsonlProcess::start(std::string_view command, JsonlProcessOptions options) {
  GIMBAL_TRY(std::vector<std::string> argv, split_command(command));
  auto state = std::make_unique<State>(std::string(command), std::move(argv), std::move(options));
  if (state->wake < 0) return fail(ErrorCode::kUnavailable, "no event descriptor could be made");
  GIMBAL_TRY(state->start_child());
  state->io = std::thread([raw = state.get()] { raw->run(); });
  return JsonlProcess(std::move(state));
}

JsonlProcess::JsonlProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonlProcess::JsonlProcess(JsonlProcess&&) noexcept = default;
JsonlProcess& JsonlProcess::operator=(JsonlProcess&&) noexcept = default;
JsonlProcess::~JsonlProcess() = default;

Result<JsonView> JsonlProcess::call(std::string_view members, const StopToken& stop) { return state_->call(members, stop); }
std::vector<Result<JsonView>> JsonlProcess::call_batch(std::span<const std::string> members, const StopToken& stop) {
  return state_->call_batch(members, stop);
}

}  // namespace gimbal::net
