#include "gimbal/cli/model_options.h"

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/paths.h"

namespace gimbal::cli {

void add_model_options(Command& command, ModelFlags& flags) {
  constexpr const char* kGroup = "Model";
  command.option("--model", &flags.model)
      .value("ENDPOINT")
      .required()
      .group(kGroup)
      .help(
          "http(s)://HOST[:PORT]/v1#NAME[?key_env=VAR&timeout_s=60&max_concurrency=8] (an OpenAI-compatible server), "
          "replay:FILE.jsonl[?match=order] (recorded answers) or exec:COMMAND (a program that answers JSON lines)");
  command.option("--cache", &flags.cache)
      .value("DIR|off")
      .show_default("servers: lm/ in the user's cache folder; programs: off")
      .group(kGroup)
      .help("answers of earlier calls, also of samples drawn at random: the same command twice gives the same answers");
  command.option("--record", &flags.record)
      .value("FILE")
      .written()
      .group(kGroup)
      .help("append every answer that is drawn, for replay:FILE");
  command.option("--price-in", &flags.price_in).value("USD").min(0).group(kGroup).help("price of a million prompt tokens");
  command.option("--price-out", &flags.price_out).value("USD").min(0).group(kGroup).help("price of a million new tokens");
  command.option("--budget-usd", &flags.budget_usd)
      .value("USD")
      .min(0)
      .group(kGroup)
      .help("ask nothing that might cost more in all (exit 5)");
  command.option("--budget-tokens", &flags.budget_tokens).value("N").min(0).group(kGroup).help("the same in tokens");
  command.option("--budget-requests", &flags.budget_requests).value("N").min(0).group(kGroup).help("the same in requests");
}

void add_sampling_options(Command& command, SamplingFlags& flags) {
  constexpr const char* kGroup = "Sampling";
  command.option("--temperature", &flags.temperature)
      .value("T")
      .min(0)
      .max(100)
      .group(kGroup)
      .help("0 takes the most probable token");
  command.option("--top-p", &flags.top_p)
      .value("P")
      .above(0)
      .max(1)
      .group(kGroup)
      .help("the most probable tokens up to this mass; 1: all");
  command.option("--top-k", &flags.top_k).value("K").min(0).group(kGroup).help("the K most probable tokens; 0: all");
  command.option("--min-p", &flags.min_p)
      .value("P")
      .min(0)
      .max(1)
      .group(kGroup)
      .help("tokens at least this probable, relative to the most probable one; 0: all");
  command.option("--max-new-tokens, --max-new, --max-tokens", &flags.max_new_tokens)
      .value("N")
      .min(1)
      .group(kGroup)
      .help("the longest answer");
  command.option("--stop", &flags.stop)
      .value("TEXT")
      .whole_words()
      .group(kGroup)
      .help("an answer ends before this text (up to 16)");
  command.flag("--greedy", &flags.greedy).group(kGroup).help("short for --temperature 0");
}

Result<lm::Sampling> sampling_of(const CommandContext& context, const SamplingFlags& flags) {
  if (flags.greedy && context.given("temperature") && flags.temperature != 0)
    return fail_at("--greedy", ErrorCode::kUsage, "it is short for --temperature 0, and --temperature {} was given too",
                   shortest(flags.temperature));
  if (flags.stop.size() > 16)
    return fail_at("--stop", ErrorCode::kUsage, "expected up to 16 texts, found {}", flags.stop.size());
  for (const std::string& text : flags.stop) {
    if (text.empty()) return fail_at("--stop", ErrorCode::kUsage, "expected a text, found an empty one");
  }
  lm::Sampling sampling;
  sampling.temperature = flags.greedy ? 0 : flags.temperature;
  sampling.top_p = flags.top_p;
  sampling.top_k = flags.top_k;
  sampling.min_p = flags.min_p;
  sampling.max_new_tokens = flags.max_new_tokens;
  sampling.stop = flags.stop;
  return sampling;
}

Result<std::unique_ptr<lm::MeteredModel>> open_model(CommandContext& context, const ModelFlags& flags) {
  auto endpoint = lm::parse_endpoint(flags.model);
  if (!endpoint) return fail(std::move(endpoint).error().at("--model"));
  const auto environment = [&context](const std::string& name) { return context.environment(name); };
  lm::ModelOptions options;
  options.record = flags.record;
  options.prices = {.input_usd = flags.price_in, .output_usd = flags.price_out};
  options.budget = {.tokens = flags.budget_tokens, .requests = flags.budget_requests, .usd = flags.budget_usd};
  options.environment = environment;
  if (flags.cache) {
    if (*flags.cache != "off") options.cache = *flags.cache;
  } else if (std::holds_alternative<lm::RemoteEndpoint>(*endpoint)) {
    if (const std::string folder = cache_folder(environment); !folder.empty()) options.cache = folder + "/lm";
  }
  auto model = lm::open_model(*endpoint, options, context.log());
  if (!model) return fail(std::move(model).error().at("--model"));
  return model;
}

void write_usage(JsonWriter& json, const lm::MeteredModel& model) {
  const lm::Spending& used = model.spending();
  json.key("usage").begin_object().field("samples", used.samples).field("cached", used.cached);
  json.field("requests", used.requests).field("retries", used.retries);
  json.field("prompt_tokens", used.prompt_tokens).field("completion_tokens", used.completion_tokens);
  json.field("unmetered", used.unmetered).field("cost_usd", model.cost_usd()).end_object();
}

std::string usage_text(const lm::MeteredModel& model) {
  const lm::Spending& used = model.spending();
  std::vector<std::string> notes;
  if (used.retries > 0) notes.push_back(fmt::format("{} retried", format_count(used.retries)));
  if (used.cached > 0)
    notes.push_back(fmt::format("{} answer{} recorded or cached", format_count(used.cached), used.cached == 1 ? "" : "s"));
  std::string text = fmt::format("{} request{}", format_count(used.requests), used.requests == 1 ? "" : "s");
  if (!notes.empty()) text += fmt::format(" ({})", join(notes, ", "));
  if (used.unmetered < used.samples - used.cached)
    text += fmt::format(", {} prompt and {} completion tokens", format_count(used.prompt_tokens),
                        format_count(used.completion_tokens));
  if (const auto cost = model.cost_usd()) text += fmt::format(", {} USD", format_significant(*cost, 3));
  return text;
}

}  // namespace gimbal::cli
