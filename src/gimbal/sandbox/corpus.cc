#include "gimbal/sandbox/corpus.h"

#include <algorithm>

#include "compare_corpus.h"
#include "escape_corpus.h"
#include "gimbal/base/json.h"
#include "gimbal/base/text.h"

namespace gimbal::sandbox {

namespace {

Result<CorpusCase> parse_case(const JsonView& line) {
  GIMBAL_TRY(line.expect_only({"name", "program", "stdin", "expect", "stdout", "exit_code"}));
  CorpusCase one;
  GIMBAL_TRY(one.name, line.string("name"));
  GIMBAL_TRY(one.program, line.string("program"));
  GIMBAL_TRY(one.stdin_bytes, line.string_or("stdin", ""));
  GIMBAL_TRY(const std::vector<std::string> names, line.strings("expect"));
  for (const std::string& name : names) {
    const std::optional<Status> status = parse_status(name);
    if (!status) return fail_at(line.path(), ErrorCode::kParseError, "no status is called {}", name);
    one.expect.push_back(*status);
  }
  if (line.has("stdout")) {
    GIMBAL_TRY(one.out, line.string("stdout"));
  }
  if (line.has("exit_code")) {
    GIMBAL_TRY(const std::int64_t code, line.integer("exit_code"));
    one.exit_code = static_cast<int>(code);
  }
  return one;
}

Result<std::vector<CorpusCase>> parse_cases(std::string_view rest, std::string_view file) {
  std::vector<CorpusCase> cases;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (text.empty()) continue;
    GIMBAL_TRY(const JsonView line, JsonView::parse(text, fmt::format("{}:{}", file, cases.size() + 1)));
    GIMBAL_TRY(CorpusCase one, parse_case(line));
    cases.push_back(std::move(one));
  }
  return cases;
}

}  // namespace

bool CorpusCase::is_long() const {
  return std::any_of(expect.begin(), expect.end(),
                     [](Status status) { return status == Status::kTimeoutCpu || status == Status::kTimeoutWall; });
}

Result<std::vector<CorpusCase>> escape_corpus() { return parse_cases(kEscapeCorpus, "escape.jsonl"); }
Result<std::vector<CorpusCase>> compare_programs() { return parse_cases(kCompareCorpus, "compare.jsonl"); }

Limits corpus_limits() {
  Limits limits;
  limits.cpu_ms = 2000;
  limits.wall_ms = 5000;
  limits.memory_bytes = std::int64_t{512} << 20;
  limits.output_bytes = std::int64_t{1} << 20;
  return limits;
}

std::optional<std::string> corpus_failure(const CorpusCase& expected, const TestResult& found) {
  if (std::find(expected.expect.begin(), expected.expect.end(), found.status) == expected.expect.end()) {
    std::string allowed;
    for (const Status status : expected.expect) allowed += (allowed.empty() ? "" : ", ") + std::string(status_name(status));
    return fmt::format("{}: ended as {} ({}), expected {}", expected.name, status_name(found.status),
                       found.message.value_or("no message"), allowed);
  }
  if (expected.out && *expected.out != found.out.bytes) {
    return fmt::format("{}: printed {} instead of {}", expected.name, gimbal::quoted(found.out.bytes),
                       gimbal::quoted(*expected.out));
  }
  if (expected.exit_code && expected.exit_code != found.exit_code) {
    return fmt::format("{}: exit code {} instead of {}", expected.name, found.exit_code.value_or(-1), *expected.exit_code);
  }
  return std::nullopt;
}

std::optional<std::string> difference(const TestResult& a, const TestResult& b) {
  const auto shown = [](std::string_view what, std::string_view one, std::string_view other) {
    return fmt::format("{}: {} and {}", what, gimbal::quoted(one), gimbal::quoted(other));
  };
  if (a.status != b.status) return shown("status", status_name(a.status), status_name(b.status));
  if (a.exit_code != b.exit_code)
    return fmt::format("exit code: {} and {}", a.exit_code.value_or(-1), b.exit_code.value_or(-1));
  if (a.signal != b.signal) return shown("signal", a.signal.value_or(""), b.signal.value_or(""));
  if (a.out.bytes != b.out.bytes) return shown("stdout", a.out.bytes, b.out.bytes);
  if (a.err.bytes != b.err.bytes) return shown("stderr", a.err.bytes, b.err.bytes);
  if (a.message != b.message) return shown("message", a.message.value_or(""), b.message.value_or(""));
  return std::nullopt;
}

}  // namespace gimbal::sandbox
