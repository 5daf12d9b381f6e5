// gimbal diversity extract: the program in each answer.
#include <array>
#include <map>

#include "gimbal/base/file.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/sandbox_pool.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/program_text.h"

namespace gimbal::cli {
namespace {

using diversity::ExtractMode;
using diversity::FenceChoice;

struct Flags {
  std::string file, python;
  ExtractMode mode = ExtractMode::kAuto;
  FenceChoice fence = FenceChoice::kBest;
  bool text = false, skip_bad = false;
  std::optional<std::string> out;
  SandboxPolicyFlags policy;
};

// Which answer of the file.
struct Place {
  std::string prompt_id;
  std::size_t gen_id = 0;
};

Result<int> extract(CommandContext& context, const Flags& flags) {
  if (flags.out)
    GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, std::array{NamedFile{"FILE", flags.file}}));
  std::vector<std::optional<std::string>> answers;
  std::vector<Place> places;
  if (flags.text) {
    GIMBAL_TRY(answers.emplace_back(), read_file(flags.file));
    places.push_back({"(text)", 0});
  } else {
    const auto file_or = diversity::read_generations(flags.file, flags.skip_bad);
    if (!file_or) {
      Error error = file_or.error();
      error.notes.emplace_back("--text takes the whole file as one answer");
      return fail(std::move(error));
    }
    const diversity::GenerationFile& file = *file_or;
    if (file.skipped > 0)
      context.warn("bad_lines", fmt::format("{} bad line{} skipped", file.skipped, file.skipped == 1 ? "" : "s"),
                   static_cast<std::int64_t>(file.skipped));
    for (const diversity::GenerationSet& set : file.sets) {
      for (std::size_t g = 0; g < set.generations.size(); ++g) {
        answers.push_back(set.generations[g]);
        places.push_back({set.prompt_id, g});
      }
    }
  }
  context.lap("read");
  std::optional<StartedPool> started;
  std::optional<diversity::PythonHelper> helper;
  if (flags.mode == ExtractMode::kAuto || flags.mode == ExtractMode::kHeuristic) {
    sandbox::PoolOptions workers;
    workers.workers = context.threads;
    auto pool = start_pool(context, flags.policy, flags.python, "--python", std::move(workers));
    if (!pool) {
      Error error = std::move(pool).error();
      error.notes.emplace_back("what is code is asked of CPython; --extract fenced and raw do without");
      return fail(std::move(error));
    }
    started.emplace(std::move(*pool));
    helper.emplace(started->pool, context.stop());
  }
  GIMBAL_TRY(const std::vector<diversity::ProgramText> programs,
             diversity::extract_programs(answers, flags.mode, flags.fence, helper ? &*helper : nullptr));
  context.lap("extract");

  DocumentWriter document("gimbal.diversity.extract/1");
  JsonWriter& json = document.json();
  json.key("items").begin_array();
  std::map<std::string, std::int64_t> without;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    json.begin_object().field("id", static_cast<std::uint64_t>(i)).field("prompt_id", places[i].prompt_id);
    json.field("gen_id", static_cast<std::uint64_t>(places[i].gen_id));
    json.field("mode", diversity::extract_mode_name(programs[i].mode)).field("code", programs[i].code);
    json.field("status", sandbox::status_name(programs[i].status)).end_object();
    if (programs[i].status != sandbox::Status::kOk) ++without[std::string(sandbox::status_name(programs[i].status))];
  }
  json.end_array();
  GIMBAL_TRY(finish_document(context, document, flags.out));
  std::string text;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    if (programs.size() > 1) {
      text += fmt::format("# {} {} ({})\n", places[i].prompt_id, places[i].gen_id,
                          programs[i].status == sandbox::Status::kOk ? diversity::extract_mode_name(programs[i].mode)
                                                                     : sandbox::status_name(programs[i].status));
    }
    text += programs[i].code;
    if (!text.empty() && !text.ends_with('\n')) text += '\n';
  }
  context.print(text);
  for (const auto& [status, count] : without) {
    context.warn(status, fmt::format("{} of {} answers hold no program ({})", count, programs.size(), status), count);
  }
  return 0;
}

}  // namespace

Command diversity_extract_command() {
  auto flags = std::make_shared<Flags>();
  Command command("extract", "Print the program in each answer.");
  command.description(
      "auto takes the whole answer where it compiles, else a fenced block of Python, else the lines that parse as Python among "
      "sentences. `gimbal diversity run` does the same before it runs programs.");
  command.positional("FILE", &flags->file).file().help("generations, JSONL; - is standard input");
  command.flag("--text", &flags->text).help("the file is one answer as it is");
  add_extract(command, &flags->mode, &flags->fence);
  command.option("--python", &flags->python)
      .value("PATH")
      .show_default("python3 in PATH")
      .help("interpreter that says what is code");
  add_policy_options(command, flags->policy);
  add_skip_bad(command, &flags->skip_bad);
  add_out(command, &flags->out);
  command.example("gimbal diversity extract answer.md --text", "One answer; its program on standard output.");
  command.run([flags](CommandContext& context) { return extract(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
