// A model for tests: answers by a function, and counts what it was asked.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gimbal/lm/language_model.h"

namespace gimbal::lm {

class FakeModel final : public LanguageModel {
 public:
  using Answer = std::function<Result<Output>(const Request& request, int k)>;
  explicit FakeModel(Answer answer) : answer_(std::move(answer)) {}
  // The text of a prompt, or of a conversation's last message, with "#k" behind it.
  static FakeModel echo() {
    return FakeModel([](const Request& request, int k) -> Result<Output> {
      const auto* text = std::get_if<std::string>(&request.prompt);
      const std::string& said = text ? *text : std::get<std::vector<Message>>(request.prompt).back().content;
      return Output{.text = said + "#" + std::to_string(k), .usage = {.prompt_tokens = 10, .completion_tokens = 5}};
    });
  }
  ModelInfo info() const override { return {"fake", "fake"}; }
  Result<void> generate(std::span<const Request> requests, const OutputSink& sink, const StopToken& stop) override {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      for (const int k : requests[i].samples) {
        if (stop.stop_requested()) return fail(ErrorCode::kInterrupted, "interrupted");
        asked.emplace_back(requests[i].id, k);
        GIMBAL_TRY(Output output, answer_(requests[i], k));
        output.request = i;
        output.k = k;
        GIMBAL_TRY(sink(std::move(output)));
      }
    }
    return {};
  }
  std::vector<std::pair<std::string, int>> asked;

 private:
  Answer answer_;
};

}  // namespace gimbal::lm
