// The options of language models, the same for every command that asks one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gimbal/base/json.h"
#include "gimbal/cli/command.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/lm/open_model.h"

namespace gimbal::cli {

struct ModelFlags {
  std::string model;
  std::optional<std::string> cache, record;
  std::optional<double> price_in, price_out, budget_usd;
  std::optional<std::int64_t> budget_tokens, budget_requests;
};
// --model (required), --cache, --record, --price-in, --price-out, --budget-usd, --budget-tokens, --budget-requests.
void add_model_options(Command& command, ModelFlags& flags);

struct SamplingFlags {
  double temperature = 1, top_p = 1, min_p = 0;
  int top_k = 0, max_new_tokens = 128;
  std::vector<std::string> stop;
  bool greedy = false;
};
// --temperature, --top-p, --top-k, --min-p, --max-new-tokens, --stop, --greedy. The defaults are those of `flags`.
void add_sampling_options(Command& command, SamplingFlags& flags);
Result<lm::Sampling> sampling_of(const CommandContext& context, const SamplingFlags& flags);

// Servers are cached unless --cache off says otherwise, programs only with --cache DIR (who changes a program expects other
// answers). Errors with their flag.
Result<std::unique_ptr<lm::MeteredModel>> open_model(CommandContext& context, const ModelFlags& flags);

// "usage":{...} of documents: samples, cached, requests, retries, prompt_tokens, completion_tokens, cost_usd.
void write_usage(JsonWriter& json, const lm::MeteredModel& model);
// "12 requests (1 retried, 4 answers recorded or cached), 1,234 prompt and 567 completion tokens, 0.0123 USD".
std::string usage_text(const lm::MeteredModel& model);

}  // namespace gimbal::cli
