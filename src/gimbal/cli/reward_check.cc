// gimbal reward check: compares one answer with one gold value.
#include <nlohmann/json.hpp>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/reward_commands.h"
#include "gimbal/cli/reward_flags.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string prediction, gold;
  bool text = false;
  VerifierFlags verifier;
};

// GOLD is a JSON object with the fields that the verifier reads, or the gold value itself.
Result<Json> record_of(const Flags& flags) {
  const std::string_view gold = trim(flags.gold);
  if (gold.starts_with('{') && gold.ends_with('}')) {
    auto record = parse_json(gold, "GOLD");
    if (record && record->is_object()) return record;
    if (flags.verifier.verifier == "countdown") return record;
  }
  Json record = Json::object();
  record["answer"] = flags.gold;
  return record;
}

Result<int> check(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const std::unique_ptr<reward::Verifier> verifier, make_verifier(context, flags.verifier));
  GIMBAL_TRY(const Json record, record_of(flags));
  std::string prediction = flags.prediction;
  if (prediction == "-") {
    GIMBAL_TRY(prediction, read_file("-", std::uint64_t{1} << 26));
  }
  reward::Item item;
  item.id = "check";
  item.completion = prediction;
  item.record = &record;
  item.bare = !flags.text;
  if (auto ok = verifier->check(item); !ok) return fail(std::move(ok.error()).at("GOLD"));
  GIMBAL_TRY(const std::vector<reward::Score> scores, verifier->score(std::span(&item, 1), context.stop()));
  const reward::Score& score = scores.front();
  DocumentWriter document("gimbal.reward.check/1");
  JsonWriter& json = document.json();
  json.field("verifier", verifier->name());
  if (verifier->name() == "math") json.field("profile", profile_name(flags.verifier));
  json.field("score", score.value).field("passed", score.passed).field("reason", reward::reason_text(score));
  json.field("extracted", score.extracted).field("gold", score.gold).field("ambiguous", score.ambiguous);
  if (!score.parts.empty()) {
    json.key("parts").begin_array();
    for (const reward::Part& part : score.parts) {
      json.begin_object().field("name", part.name).field("weight", part.weight).field("gate", part.gate);
      json.field("score", part.value).field("reason", reward::reason_text(part)).end_object();
    }
    json.end_array();
  }
  json.field("time_ms", score.time_ms);
  GIMBAL_TRY(finish_document(context, document));
  std::string text = fmt::format("{}: score {}, {}\n", score.passed ? "passed" : "not passed",
                                 score.value ? format_significant(*score.value, 4) : "undecided", reward::reason_text(score));
  text += fmt::format("  extracted  {}\n  gold       {}\n", score.extracted.empty() ? "-" : gimbal::quoted(score.extracted),
                      score.gold.empty() ? "-" : gimbal::quoted(score.gold));
  for (const reward::Part& part : score.parts) {
    text += fmt::format("  {}{}  {}, {}\n", part.gate ? "gate:" : "", part.name,
                        part.value ? format_significant(*part.value, 4) : "undecided", reward::reason_text(part));
  }
  context.print(text);
  return score.passed ? 0 : 1;
}

}  // namespace

Command reward_check_command() {
  auto flags = std::make_shared<Flags>();
  Command command("check", "Compare one answer with a gold value: exit 0 when it passes, 1 when not.");
  command.description(
      "PREDICTION is the bare answer unless it holds a box; --text takes it as a whole completion from which the answer is "
      "extracted. For countdown, GOLD is the record: {\"numbers\":[3,5,7],\"target\":26}.");
  command.positional("PREDICTION", &flags->prediction).help("the answer; - reads standard input");
  command.positional("GOLD", &flags->gold).help("the gold value, or a JSON object with the fields that the verifier reads");
  command.flag("--text", &flags->text).help("PREDICTION is a completion");
  add_verifier_flags(command, &flags->verifier);
  command.example("gimbal reward check 'x^2-1' '(x-1)(x+1)'");
  command.example("gimbal reward check '(3*7)+5' '{\"numbers\":[3,5,7],\"target\":26}' --verifier countdown");
  command.run([flags](CommandContext& context) { return check(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
