#include "gimbal/lm/open_model.h"

#include <atomic>
#include <bit>

#include "gimbal/base/number.h"
#include "gimbal/lm/answer_cache.h"
#include "gimbal/lm/exec_model.h"
#include "gimbal/lm/remote.h"
#include "gimbal/lm/replay.h"

namespace gimbal::lm {
namespace {

Result<std::string> find_key(const RemoteEndpoint& endpoint, const ModelOptions& options) {
  const std::string name = endpoint.key_env.empty() ? "GIMBAL_API_KEY" : endpoint.key_env;
  const auto key = options.environment ? options.environment(name) : std::nullopt;
  if (key && key->find_first_of("\r\n") != std::string::npos)
    return fail_at(name, ErrorCode::kInvalidArgument, "expected a key in one line, found a line break in it");
  if (key && !key->empty()) return *key;
  if (!endpoint.key_env.empty())
    return fail_at("--model", ErrorCode::kInvalidArgument, "key_env names the environment variable {}, which is not set", name);
  return std::string();
}

bool is_loopback(const std::string& url) {
  const std::string rest = url.substr(url.find("//") + 2);
  return rest.starts_with("localhost") || rest.starts_with("127.") || rest.starts_with("[::1]");
}

Result<std::unique_ptr<LanguageModel>> open_remote(const RemoteEndpoint& endpoint, const ModelOptions& options,
                                                   const Log& log) {
  GIMBAL_TRY(const std::string key, find_key(endpoint, options));
  if (!key.empty() && endpoint.base_url.starts_with("http://") && !is_loopback(endpoint.base_url))
    log.warning(fmt::format("the key travels to {} without encryption (http, not https)", endpoint.base_url));
  GIMBAL_TRY(std::unique_ptr<Backend> backend, make_remote(endpoint, key, log));
  PoolOptions pool;
  pool.max_concurrency = endpoint.max_concurrency;
  // The first retry is told, then the second, fourth, eighth and so on: a busy server is news, its every answer is not.
  pool.on_retry = [log, count = std::make_shared<std::atomic<std::uint64_t>>(0)](const Error& error, double seconds) {
    const std::uint64_t n = ++*count;
    if (std::has_single_bit(n))
      log.info(
          fmt::format("{}; trying again in {} (retry {} of this run)", error.message, format_duration(Duration(seconds)), n));
  };
  return std::unique_ptr<LanguageModel>(std::make_unique<PooledModel>(std::move(backend), std::move(pool)));
}

Result<std::unique_ptr<LanguageModel>> open_exec(const ExecEndpoint& endpoint, const Log& log) {
  GIMBAL_TRY(std::unique_ptr<Backend> backend, make_exec(endpoint.command, log));
  // The program starts anew by itself after a death; what it then answers is final.
  return std::unique_ptr<LanguageModel>(std::make_unique<PooledModel>(std::move(backend), PoolOptions{.attempts = 1}));
}

}  // namespace

Result<std::unique_ptr<MeteredModel>> open_model(const Endpoint& endpoint, const ModelOptions& options, const Log& log) {
  if (options.budget.usd && !options.prices.known())
    return fail_at("--budget-usd", ErrorCode::kUsage, "a budget in dollars needs --price-in and --price-out");
  std::unique_ptr<LanguageModel> model;
  if (const auto* replay = std::get_if<ReplayEndpoint>(&endpoint)) {
    if (options.record)
      return fail_at("--record", ErrorCode::kUsage, "answers that are replayed are recorded already: leave --record out");
    GIMBAL_TRY(model, make_replay(replay->path, replay->by_order));
  } else {
    if (const auto* remote = std::get_if<RemoteEndpoint>(&endpoint)) {
      GIMBAL_TRY(model, open_remote(*remote, options, log));
    } else {
      GIMBAL_TRY(model, open_exec(std::get<ExecEndpoint>(endpoint), log));
    }
    if (options.record) {
      GIMBAL_TRY(model, make_recorded(std::move(model), *options.record));
    }
    if (options.cache) {
      GIMBAL_TRY(model, make_cached(std::move(model), *options.cache));
    }
  }
  return std::make_unique<MeteredModel>(std::move(model), options.prices, options.budget);
}

}  // namespace gimbal::lm
