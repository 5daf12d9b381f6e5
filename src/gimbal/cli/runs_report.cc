// gimbal runs report: the report of a run; made from its metrics when the command that ran wrote none.
#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/runs.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/run/run_report.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string run;
  std::string root = "runs";
  std::optional<std::string> out;
  bool rebuild = false;
};

// Whether the file is a report of this command, and not one that the run itself wrote.
Result<bool> is_ours(const std::string& file) {
  GIMBAL_TRY(const std::string html, read_file(file));
  return html.find(run::kRunReportMark) != std::string::npos;
}

Result<int> report(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const run::RunSummary run, open_run(context, flags.run, flags.root));
  const std::string own = run.path + "/report.html";
  const std::string file = flags.out.value_or(own);
  bool write = flags.out.has_value() || !exists(own);
  if (!write && flags.rebuild) {
    GIMBAL_TRY(write, is_ours(own));
    if (!write) {
      return fail_at("--rebuild", ErrorCode::kConflict,
                     "{} was written by the run itself and says more; give --out FILE for a report of the metrics beside it",
                     gimbal::quoted(own, 400));
    }
  }
  if (write) {
    GIMBAL_TRY(const run::Report made, run::make_run_report(run));
    GIMBAL_TRY(write_atomic(file, run::to_html(made)));
  }
  context.print(fmt::format("{} {}", write ? "wrote" : "report:", file));
  DocumentWriter document("gimbal.runs.report/1");
  document.json().field("path", run.path).field("report", file).field("written", write);
  GIMBAL_TRY(finish_document(context, document));
  return 0;
}

}  // namespace

Command runs_report_command() {
  auto flags = std::make_shared<Flags>();
  Command command("report", "Say where the report of a run is, and write one when it has none.");
  command.description(
      "Most commands write report.html into their run directory, and then its path is printed. For a run without one, or one "
      "that is still going on, a report is made from its record, metrics and events.");
  command.positional("RUN", &flags->run).help("folder, name below --root, id or beginning of one, or latest");
  add_runs_root(command, &flags->root);
  add_out(command, &flags->out).help("write a report of the metrics here, whatever report the run has");
  command.flag("--rebuild", &flags->rebuild).help("write an earlier report of this command again");
  command.example("gimbal runs report latest");
  command.run([flags](CommandContext& context) { return report(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
