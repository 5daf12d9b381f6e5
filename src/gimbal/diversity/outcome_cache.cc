#include "gimbal/diversity/outcome_cache.h"

#include <algorithm>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/json.h"
#include "gimbal/diversity/records.h"

namespace gimbal::diversity {
namespace {

constexpr std::string_view kSchema = "gimbal.diversity.outcome/1";

Result<Outcome> read_outcome(const std::string& path) {
  GIMBAL_TRY(const JsonView document, JsonView::read_file(path));
  GIMBAL_TRY(document.expect_schema(kSchema));
  Outcome outcome;
  GIMBAL_TRY(const std::string word, document.string("status"));
  const auto status = sandbox::parse_status(word);
  if (!status) return fail(ErrorCode::kCorrupted, "unknown status");
  GIMBAL_TRY(outcome.nondeterministic, document.boolean("nondeterministic"));
  if (document.has("message")) {
    GIMBAL_TRY(outcome.message, document.string("message"));
  }
  GIMBAL_TRY(const JsonView list, document.get("tests"));
  GIMBAL_TRY(const auto tests, list.items());
  for (const JsonView& test : tests) {
    GIMBAL_TRY(outcome.tests.emplace_back(), parse_test_outcome(test));
  }
  if (outcome.tests.empty()) {
    outcome.status = *status;
  } else {
    summarize(outcome);
  }
  return outcome;
}

}  // namespace

std::string outcome_key(const std::string& source, std::span<const sandbox::TestInput> tests, const sandbox::RunFlags& flags,
                        std::string_view salt) {
  Sha256 hash;
  const auto part = [&](std::string_view text) { hash.update(std::to_string(text.size())).update(":").update(text); };
  part(salt);
  part(source);
  for (const sandbox::TestInput& test : tests) {
    part(test.id);
    part(test.stdin_bytes);
  }
  const sandbox::Limits& l = flags.limits;
  part(fmt::format("{} {} {} {} {} {} {} {} {} {}", l.cpu_ms, l.wall_ms, l.memory_bytes, l.output_bytes, l.disk_bytes,
                   l.stack_bytes, l.processes, l.files, flags.stop_at_failure,
                   flags.seed ? std::to_string(*flags.seed) : "none"));
  const Sha256Digest digest = hash.finish();
  return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Result<OutcomeCache> OutcomeCache::open(const std::string& folder) {
  GIMBAL_TRY(make_folders(folder));
  return OutcomeCache(folder);
}

std::string OutcomeCache::path_of(const std::string& key) const {
  return folder_ + "/" + key.substr(0, 2) + "/" + key.substr(2) + ".json";
}

std::optional<Outcome> OutcomeCache::find(const std::string& key) const {
  const std::string path = path_of(key);
  if (!exists(path)) return std::nullopt;
  auto outcome = read_outcome(path);
  return outcome ? std::optional(std::move(*outcome)) : std::nullopt;
}

Result<void> OutcomeCache::put(const std::string& key, const Outcome& outcome) const {
  if (std::ranges::any_of(outcome.tests, [](const TestOutcome& test) { return test.status == Status::kTimeoutWall; }))
    return {};
  JsonWriter json;
  json.begin_object().field("schema", kSchema).field("status", sandbox::status_name(outcome.status));
  json.field("nondeterministic", outcome.nondeterministic).field("message", outcome.message).key("tests").begin_array();
  for (const TestOutcome& test : outcome.tests) {
    json.begin_object();
    write_test_outcome(json, test);
    json.end_object();
  }
  json.end_array().end_object();
  GIMBAL_TRY(make_folders(folder_ + "/" + key.substr(0, 2)));
  return write_atomic(path_of(key), json.text() + "\n");
}

}  // namespace gimbal::diversity
