// What was used, and limits on it that concurrent requests cannot overshoot.
#pragma once

#include <memory>
#include <optional>

#include "gimbal/lm/language_model.h"

namespace gimbal::lm {

// Per million tokens.
struct Prices {
  std::optional<double> input_usd = {}, output_usd = {};
  bool known() const { return input_usd && output_usd; }
};

struct Spending {
  std::int64_t samples = 0, cached = 0, requests = 0, retries = 0;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;  // of what was not cached and said so
  std::int64_t unmetered = 0;                             // samples whose tokens the model did not say
  // Unknown without prices, and when a sample's tokens are unknown.
  std::optional<double> cost_usd(const Prices& prices) const;
};

struct Budget {
  std::optional<std::int64_t> tokens = {}, requests = {};
  std::optional<double> usd = {};
  bool limited() const { return tokens || requests || usd; }
};

// Counts what `base` does and stops before a request that might exceed the budget. Before a sample is asked for, its upper
// bound is reserved (a token for every three bytes of the prompt, and the most new ones); afterwards the actual use counts, or
// the bound where the model does not say. What is cached costs nothing. Retries are counted, not reserved. Errors of generate:
// budget (naming the limit and what is left) after all that fits was drawn; else those of `base`.
class MeteredModel final : public LanguageModel {
 public:
  // Requires prices when the budget is in dollars.
  MeteredModel(std::unique_ptr<LanguageModel> base, Prices prices, Budget budget);
  ModelInfo info() const override { return base_->info(); }
  bool holds(const Request& request, int k) const override { return base_->holds(request, k); }
  Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) override;
  // Not while generate runs.
  const Spending& spending() const { return spending_; }
  std::optional<double> cost_usd() const { return spending_.cost_usd(prices_); }

 private:
  struct Need {
    std::int64_t prompt = 0, completion = 0;
  };
  Need upper_bound(const Request& request) const;
  struct Reserved {
    double tokens = 0, usd = 0;
    std::int64_t requests = 0;
    void add(const Reserved& other, int sign) {
      tokens += sign * other.tokens;
      usd += sign * other.usd;
      requests += sign * other.requests;
    }
  };
  Reserved priced(std::int64_t prompt, std::int64_t completion, std::int64_t requests) const;
  Reserved bound(const Need& need) const;
  Reserved actual(const Need& need, const Usage& usage) const;
  // Why a sample of this size does not fit beside what is used and reserved; empty when it does.
  std::string refusal(const Need& need) const;
  void count(const Output& output);

  std::unique_ptr<LanguageModel> base_;
  Prices prices_;
  Budget budget_;
  Spending spending_;
  Reserved used_;  // and reserved, as the budget counts
};

}  // namespace gimbal::lm
