#include "gimbal/run/run_record.h"

#include "gimbal/base/check.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/json.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::run {

namespace {

constexpr std::string_view kSchema = "gimbal.run/1";
constexpr std::array kStatuses = {RunStatus::kRunning, RunStatus::kDone, RunStatus::kFailed, RunStatus::kInterrupted};

Result<RunStatus> parse_status(const JsonView& view) {
  GIMBAL_TRY(const std::string word, view.string("status"));
  for (const RunStatus status : kStatuses) {
    if (word == run_status_name(status)) return status;
  }
  return fail_at(view.path(), ErrorCode::kInvalidArgument, "status: expected running, done, failed or interrupted, found {}",
                 gimbal::quoted(word));
}

Result<std::optional<std::string>> optional_text(const JsonView& view, std::string_view key) {
  if (!view.has(key)) return std::optional<std::string>();
  GIMBAL_TRY(std::string text, view.string(key));
  return std::optional<std::string>(std::move(text));
}

Result<std::optional<double>> optional_number(const JsonView& view, std::string_view key) {
  if (!view.has(key)) return std::optional<double>();
  GIMBAL_TRY(const double number, view.number(key));
  return std::optional<double>(number);
}

Result<std::optional<std::int64_t>> optional_integer(const JsonView& view, std::string_view key) {
  if (!view.has(key)) return std::optional<std::int64_t>();
  GIMBAL_TRY(const std::int64_t number, view.integer(key));
  return std::optional<std::int64_t>(number);
}

// Seeds and sizes use all 64 bits, which JsonView's integers do not.
Result<std::uint64_t> unsigned_integer(const JsonView& view, std::string_view key) {
  GIMBAL_TRY(const JsonView member, view.get(key));
  const std::optional<std::uint64_t> number = parse_uint(member.text());
  if (number) return *number;
  return fail_at(member.path(), ErrorCode::kInvalidArgument, "expected an integer of at least 0, found {}",
                 gimbal::quoted(member.text()));
}

Result<std::vector<JsonView>> items(const JsonView& view, std::string_view key) {
  GIMBAL_TRY(const JsonView member, view.get(key));
  return member.items();
}

Result<std::vector<RunOption>> read_options(const JsonView& view) {
  std::vector<RunOption> options;
  GIMBAL_TRY(const auto members, view.members());
  for (const auto& [name, option] : members) {
    GIMBAL_TRY(option.expect_only({"value", "source"}));
    // `get` refuses nothing here: null is a value of an option that was not given.
    GIMBAL_TRY(const JsonView value, option.get("value"));
    GIMBAL_TRY(std::string source, option.string("source"));
    options.push_back({name, value.text(), std::move(source)});
  }
  return options;
}

void write_options(JsonWriter& json, const std::vector<RunOption>& options) {
  json.begin_object();
  for (const RunOption& option : options) {
    json.key(option.name).begin_object().key("value").raw(option.value).field("source", option.source).end_object();
  }
  json.end_object();
}

void redact_value(JsonWriter& json, const JsonView& view, const Redactor& redactor) {
  if (view.is_object()) {
    json.begin_object();
    const auto members = view.members();
    GIMBAL_CHECK(members.has_value());
    for (const auto& [name, member] : *members) {
      json.key(redactor.apply(name));
      redact_value(json, member, redactor);
    }
    json.end_object();
  } else if (view.is_array()) {
    json.begin_array();
    const auto elements = view.items();
    GIMBAL_CHECK(elements.has_value());
    for (const JsonView& element : *elements) redact_value(json, element, redactor);
    json.end_array();
  } else if (view.is_string()) {
    json.value(redactor.apply(view.string().value()));
  } else {
    json.raw(view.text());
  }
}

}  // namespace

std::string_view run_status_name(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning:
      return "running";
    case RunStatus::kDone:
      return "done";
    case RunStatus::kFailed:
      return "failed";
    case RunStatus::kInterrupted:
      return "interrupted";
  }
  return "";
}

Result<std::vector<RunOption>> parse_run_options(std::string_view json, std::string_view name) {
  GIMBAL_TRY(const JsonView view, JsonView::parse(json, name));
  return read_options(view);
}

Result<RunInput> run_input(std::string role, std::string path) {
  GIMBAL_TRY(std::string sha256, sha256_file(path));
  return RunInput{std::move(role), std::move(path), std::move(sha256)};
}

std::string run_record_json(const RunRecord& record) {
  JsonWriter json;
  json.begin_object()
      .field("schema", kSchema)
      .field("id", record.id)
      .field("component", record.component)
      .field("verb", record.verb)
      .field("command", record.command)
      .field("status", run_status_name(record.status))
      .field("exit", record.exit)
      .field("reason", record.reason)
      .field("started_at", record.started_at)
      .field("ended_at", record.ended_at)
      .field("duration_s", record.duration_s);
  json.key("resumed").begin_array();
  for (const Resumption& resumption : record.resumed) {
    json.begin_object().field("at", resumption.at).field("from_step", resumption.from_step).end_object();
  }
  json.end_array();
  json.key("options");
  write_options(json, record.options);
  json.field("seed", record.seed).field("threads", record.threads);
  json.key("versions")
      .begin_object()
      .field("gimbal", record.versions.gimbal)
      .field("commit", record.versions.commit)
      .field("compiler", record.versions.compiler)
      .field("libtorch", record.versions.libtorch)
      .end_object();
  json.key("machine")
      .begin_object()
      .field("cpu", record.machine.cpu)
      .field("cores", record.machine.cores)
      .field("memory_bytes", record.machine.memory_bytes)
      .field("gpu", record.machine.gpu)
      .field("kernel", record.machine.kernel)
      .end_object();
  json.key("inputs").begin_array();
  for (const RunInput& input : record.inputs) {
    json.begin_object().field("role", input.role).field("path", input.path).field("sha256", input.sha256).end_object();
  }
  json.end_array();
  json.key("sandbox").begin_object().field("policy", record.sandbox.policy).field("layers", record.sandbox.layers).end_object();
  json.field("last_step", record.last_step);
  json.key("headline").begin_array();
  for (const Headline& figure : record.headline) {
    json.begin_object().field("name", figure.name).field("value", figure.value).field("unit", figure.unit).end_object();
  }
  json.end_array();
  json.key("usage")
      .begin_object()
      .field("prompt_tokens", record.usage.prompt_tokens)
      .field("completion_tokens", record.usage.completion_tokens)
      .field("cost_usd", record.usage.cost_usd)
      .end_object();
  json.end_object();
  return json.take();
}

Result<RunRecord> parse_run_record(std::string_view text, std::string_view name) {
  GIMBAL_TRY(const JsonView view, JsonView::parse(text, name));
  GIMBAL_TRY(view.expect_schema(kSchema));
  GIMBAL_TRY(view.expect_only({"schema",     "id",       "component",  "verb",      "command",  "status", "exit",    "reason",
                               "started_at", "ended_at", "duration_s", "resumed",   "options",  "seed",   "threads", "versions",
                               "machine",    "inputs",   "sandbox",    "last_step", "headline", "usage"}));
  RunRecord record;
  GIMBAL_TRY(record.id, view.string("id"));
  GIMBAL_TRY(record.component, view.string("component"));
  GIMBAL_TRY(record.verb, view.string("verb"));
  GIMBAL_TRY(record.command, view.strings("command"));
  GIMBAL_TRY(record.status, parse_status(view));
  GIMBAL_TRY(const std::optional<std::int64_t> exit, optional_integer(view, "exit"));
  if (exit) record.exit = static_cast<int>(*exit);
  GIMBAL_TRY(record.reason, optional_text(view, "reason"));
  GIMBAL_TRY(record.started_at, view.string("started_at"));
  GIMBAL_TRY(record.ended_at, optional_text(view, "ended_at"));
  GIMBAL_TRY(record.duration_s, optional_number(view, "duration_s"));
  GIMBAL_TRY(const auto resumed, items(view, "resumed"));
  for (const JsonView& item : resumed) {
    Resumption& resumption = record.resumed.emplace_back();
    GIMBAL_TRY(resumption.at, item.string("at"));
    GIMBAL_TRY(resumption.from_step, optional_integer(item, "from_step"));
  }
  GIMBAL_TRY(const JsonView options, view.get("options"));
  GIMBAL_TRY(record.options, read_options(options));
  GIMBAL_TRY(record.seed, unsigned_integer(view, "seed"));
  GIMBAL_TRY(const std::int64_t threads, view.integer("threads"));
  record.threads = static_cast<int>(threads);

  GIMBAL_TRY(const JsonView versions, view.get("versions"));
  GIMBAL_TRY(record.versions.gimbal, versions.string("gimbal"));
  GIMBAL_TRY(record.versions.commit, versions.string("commit"));
  GIMBAL_TRY(record.versions.compiler, versions.string("compiler"));
  GIMBAL_TRY(record.versions.libtorch, optional_text(versions, "libtorch"));

  GIMBAL_TRY(const JsonView machine, view.get("machine"));
  GIMBAL_TRY(record.machine.cpu, machine.string("cpu"));
  GIMBAL_TRY(const std::int64_t cores, machine.integer("cores"));
  record.machine.cores = static_cast<int>(cores);
  GIMBAL_TRY(record.machine.memory_bytes, unsigned_integer(machine, "memory_bytes"));
  GIMBAL_TRY(record.machine.gpu, optional_text(machine, "gpu"));
  GIMBAL_TRY(record.machine.kernel, machine.string("kernel"));

  GIMBAL_TRY(const auto inputs, items(view, "inputs"));
  for (const JsonView& item : inputs) {
    RunInput& input = record.inputs.emplace_back();
    GIMBAL_TRY(input.role, item.string("role"));
    GIMBAL_TRY(input.path, item.string("path"));
    GIMBAL_TRY(input.sha256, item.string("sha256"));
  }
  GIMBAL_TRY(const JsonView sandbox, view.get("sandbox"));
  GIMBAL_TRY(record.sandbox.policy, optional_text(sandbox, "policy"));
  GIMBAL_TRY(record.sandbox.layers, sandbox.strings("layers"));
  GIMBAL_TRY(record.last_step, optional_integer(view, "last_step"));
  GIMBAL_TRY(const auto headline, items(view, "headline"));
  for (const JsonView& item : headline) {
    Headline& figure = record.headline.emplace_back();
    GIMBAL_TRY(figure.name, item.string("name"));
    GIMBAL_TRY(figure.value, item.number_or("value", std::numeric_limits<double>::quiet_NaN()));
    GIMBAL_TRY(figure.unit, optional_text(item, "unit"));
  }
  GIMBAL_TRY(const JsonView usage, view.get("usage"));
  GIMBAL_TRY(record.usage.prompt_tokens, usage.integer("prompt_tokens"));
  GIMBAL_TRY(record.usage.completion_tokens, usage.integer("completion_tokens"));
  GIMBAL_TRY(record.usage.cost_usd, optional_number(usage, "cost_usd"));
  return record;
}

std::string run_command_line(const RunRecord& record) {
  std::string line;
  for (const std::string& word : record.command) {
    if (!line.empty()) line += ' ';
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
             std::string_view("-_./:=,+@%").find(c) != std::string_view::npos;
    });
    if (plain) {
      line += word;
      continue;
    }
    line += '\'';
    for (const char c : word) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

Result<std::string> redact_json(std::string_view json, const Redactor& redactor) {
  GIMBAL_TRY(const JsonView view, JsonView::parse(json, "data"));
  JsonWriter out;
  redact_value(out, view, redactor);
  return out.take();
}

std::string make_run_id(std::int64_t unix_ms, std::uint64_t random_high16, std::uint64_t random_low64) {
  // Crockford's base 32: no I, L, O, U. 10 characters of time (50 bits, the first two 0), 16 of randomness.
  constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string id(26, '0');
  auto time = static_cast<std::uint64_t>(unix_ms) & 0xffff'ffff'ffffull;
  for (std::size_t i = 10; i-- > 0; time >>= 5) id[i] = kAlphabet[time & 31];
  std::uint64_t high = random_high16 & 0xffff, low = random_low64;
  for (std::size_t i = 26; i-- > 10;) {
    id[i] = kAlphabet[low & 31];
    low = (low >> 5) | (high << 59);
    high >>= 5;
  }
  return id;
}

}  // namespace gimbal::run
