// From --model and its options to a model: metered(cached(recorded(pool(backend)))).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gimbal/base/log.h"
#include "gimbal/lm/budget.h"
#include "gimbal/lm/endpoint.h"

namespace gimbal::lm {

struct ModelOptions {
  std::optional<std::string> cache = {};   // folder of answers
  std::optional<std::string> record = {};  // file to which answers are appended
  Prices prices = {};
  Budget budget = {};
  std::function<std::optional<std::string>(const std::string& name)> environment = {};  // for the key
};

// Errors: of the backend; invalid_argument when a key's variable is named and not set; usage for a budget in dollars without
// prices. Replayed answers are neither cached nor recorded again.
Result<std::unique_ptr<MeteredModel>> open_model(const Endpoint& endpoint, const ModelOptions& options, const Log& log);

}  // namespace gimbal::lm
