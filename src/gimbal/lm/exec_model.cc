#include "gimbal/lm/exec_model.h"

#include "gimbal/lm/request_json.h"
#include "gimbal/net/jsonl_process.h"

namespace gimbal::lm {
namespace {

class ExecModel final : public Backend {
 public:
  ExecModel(std::string command, net::JsonlProcess process) : command_(std::move(command)), process_(std::move(process)) {}

  ModelInfo info() const override { return {"exec:" + command_, command_}; }

  tl::expected<Output, Failure> call(const Request& request, int k, const StopToken& stop) override {
    JsonWriter json;
    json.begin_object().field("op", "generate").field("k", k);
    write_prompt(json, request.prompt);
    json.key("sampling");
    write_sampling(json, request.sampling, true);
    json.field("seed", request.seed).end_object();
    // Starting the program again after a death is the business of the process: nothing is retried above it.
    auto answer = process_.call(json.text(), stop);
    if (!answer) return tl::unexpected(Failure{std::move(answer).error()});
    if (answer->has("error")) {
      const auto why = answer->find("error");
      return tl::unexpected(Failure{
          Error{ErrorCode::kUnavailable,
                fmt::format("{} answered with an error: {}", command_, why->is_string() ? why->string().value() : why->text()),
                {},
                {}}});
    }
    auto output = read_answer(*answer);
    if (output) return std::move(*output);
    return tl::unexpected(
        Failure{Error{ErrorCode::kUnavailable,
                      fmt::format("{} gave an answer that cannot be read: {}", command_, output.error().text()),
                      {"an answer is {\"id\": as asked, \"text\": \"...\"}"},
                      {}}});
  }

 private:
  std::string command_;
  net::JsonlProcess process_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_exec(const std::string& command, const Log& log) {
  net::JsonlProcessOptions options;
  options.on_error_line = [log](std::string_view line) { log.info(line); };
  GIMBAL_TRY(net::JsonlProcess process, net::JsonlProcess::start(command, std::move(options)));
  return std::unique_ptr<Backend>(std::make_unique<ExecModel>(command, std::move(process)));
}

}  // namespace gimbal::lm
