#include "gimbal/lm/budget.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"

namespace gimbal::lm {

std::optional<double> Spending::cost_usd(const Prices& prices) const {
  if (!prices.known() || unmetered > 0) return std::nullopt;
  return (static_cast<double>(prompt_tokens) * *prices.input_usd +
          static_cast<double>(completion_tokens) * *prices.output_usd) /
         1e6;
}

MeteredModel::MeteredModel(std::unique_ptr<LanguageModel> base, Prices prices, Budget budget)
    : base_(std::move(base)), prices_(prices), budget_(budget) {
  GIMBAL_CHECK(!budget_.usd || prices_.known());
}

MeteredModel::Need MeteredModel::upper_bound(const Request& request) const {
  std::size_t bytes = 0, messages = 0;
  if (const auto* text = std::get_if<std::string>(&request.prompt)) {
    bytes = text->size();
  } else {
    for (const Message& message : std::get<std::vector<Message>>(request.prompt)) {
      bytes += message.role.size() + message.content.size();
      ++messages;
    }
  }
  constexpr std::size_t kTemplateTokens = 8;  // what a chat template puts around a message
  return {static_cast<std::int64_t>((bytes + 2) / 3 + kTemplateTokens * messages), request.sampling.max_new_tokens};
}

MeteredModel::Reserved MeteredModel::priced(std::int64_t prompt, std::int64_t completion, std::int64_t requests) const {
  Reserved sum{static_cast<double>(prompt + completion), 0, requests};
  if (prices_.known())
    sum.usd = (static_cast<double>(prompt) * *prices_.input_usd + static_cast<double>(completion) * *prices_.output_usd) / 1e6;
  return sum;
}

MeteredModel::Reserved MeteredModel::bound(const Need& need) const { return priced(need.prompt, need.completion, 1); }

MeteredModel::Reserved MeteredModel::actual(const Need& need, const Usage& usage) const {
  return priced(usage.prompt_tokens.value_or(need.prompt), usage.completion_tokens.value_or(need.completion), usage.attempts);
}

std::string MeteredModel::refusal(const Need& need) const {
  if (budget_.requests && used_.requests + 1 > *budget_.requests)
    return fmt::format("--budget-requests {} is used up", format_count(*budget_.requests));
  const Reserved next = bound(need);
  if (budget_.tokens && used_.tokens + next.tokens > static_cast<double>(*budget_.tokens))
    return fmt::format(
        "the next answer may take {} tokens, and of --budget-tokens {} only {} are left", need.prompt + need.completion,
        format_count(*budget_.tokens),
        format_count(static_cast<std::int64_t>(std::max(0.0, static_cast<double>(*budget_.tokens) - used_.tokens))));
  if (budget_.usd && used_.usd + next.usd > *budget_.usd)
    return fmt::format("the next answer may cost {} USD, and of --budget-usd {} only {} are left",
                       format_significant(next.usd, 3), shortest(*budget_.usd),
                       format_significant(std::max(0.0, *budget_.usd - used_.usd), 3));
  return {};
}

void MeteredModel::count(const Output& output) {
  const Usage& usage = output.usage;
  ++spending_.samples;
  if (usage.cached) {
    ++spending_.cached;
    return;
  }
  spending_.requests += usage.attempts;
  spending_.retries += usage.attempts - 1;
  if (usage.prompt_tokens && usage.completion_tokens) {
    spending_.prompt_tokens += *usage.prompt_tokens;
    spending_.completion_tokens += *usage.completion_tokens;
  } else {
    ++spending_.unmetered;
  }
}

// In waves: as many of the samples, in order, as their bounds fit; what they really took makes room for the next wave.
Result<void> MeteredModel::generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) {
  struct Sample {
    std::size_t request;
    int k;
    Need need;
  };
  std::vector<Sample> waiting;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Need need = upper_bound(requests[i]);
    for (const int k : requests[i].samples) waiting.push_back({i, k, need});
  }
  std::size_t next = 0;
  while (next < waiting.size()) {
    std::vector<Request> wave;
    std::vector<std::size_t> origin;
    std::string why;
    const std::size_t first = next;
    Reserved open;            // of this wave, not yet replaced by what was used
    std::vector<Need> needs;  // of each request of the wave
    for (; next < waiting.size(); ++next) {
      const Sample& sample = waiting[next];
      const bool held = budget_.limited() && base_->holds(requests[sample.request], sample.k);
      if (!held) {
        why = refusal(sample.need);
        if (!why.empty()) break;
        used_.add(bound(sample.need), 1);
        open.add(bound(sample.need), 1);
      }
      if (origin.empty() || origin.back() != sample.request) {
        wave.push_back(requests[sample.request]);
        wave.back().samples.clear();
        origin.push_back(sample.request);
        needs.push_back(sample.need);
      }
      wave.back().samples.push_back(sample.k);
    }
    if (next == first) return fail(ErrorCode::kBudget, "{}", why);
    auto done = base_->generate(
        wave,
        [&](Output&& output) -> Result<void> {
          const Need& need = needs[output.request];
          count(output);
          if (!output.usage.cached) {
            used_.add(actual(need, output.usage), 1);
            used_.add(bound(need), -1);
            open.add(bound(need), -1);
          }
          output.request = origin[output.request];
          return sink(std::move(output));
        },
        stop);
    // What is still reserved was never sent: its answers were held after all, or an error ended the wave.
    used_.add(open, -1);
    if (!done) return done;
  }
  return {};
}

}  // namespace gimbal::lm
