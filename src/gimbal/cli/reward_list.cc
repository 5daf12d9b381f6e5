// gimbal reward list: the verifiers.
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/reward_commands.h"
#include "gimbal/reward/verifiers.h"

namespace gimbal::cli {

Command reward_list_command() {
  Command command("list", "Show the verifiers with their options.");
  command.example("gimbal reward list");
  command.run([](CommandContext& context) -> Result<int> {
    DocumentWriter document("gimbal.reward.list/1");
    document.json().key("verifiers").begin_array();
    TextTable table({"verifier", "passes", "options"});
    for (const reward::VerifierInfo& info : reward::verifier_list()) {
      const std::string name = info.argument.empty() ? std::string(info.name) : fmt::format("{}:{}", info.name, info.argument);
      document.json().begin_object().field("name", info.name).field("argument", info.argument);
      document.json().field("summary", info.summary).field("options", info.options).end_object();
      table.row({name, std::string(info.summary), std::string(info.options)});
    }
    document.json().end_array();
    GIMBAL_TRY(finish_document(context, document));
    context.print(table.wrap().text() +
                  "\nCombine them: \"0.9*math + 0.1*format\" adds weighted scores, \"gate:format * math\" multiplies.\n");
    return 0;
  });
  return command;
}

}  // namespace gimbal::cli
