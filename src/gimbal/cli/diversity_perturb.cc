// gimbal diversity perturb: models of different temperature, emulated by changing tokens of known programs.
#include <array>
#include <cmath>

#include "gimbal/base/file.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/generations.h"
#include "gimbal/diversity/perturb.h"
#include "gimbal/diversity/tasks.h"

namespace gimbal::cli {
namespace {

struct Flags {
  std::string file;
  std::vector<double> chances = {0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1};
  int k = 32;
  std::optional<std::string> out;
};

Result<int> perturb(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(check_written(std::array{NamedFile{"--out", *flags.out}}, std::array{NamedFile{"FILE", flags.file}}));
  GIMBAL_TRY(const diversity::GenerationFile file, diversity::read_generations(flags.file));
  std::string lines;
  Diagnostics problems;
  std::int64_t programs_made = 0;
  for (const diversity::GenerationSet& set : file.sets) {
    std::vector<std::string> known;
    for (const std::optional<std::string>& program : set.generations) {
      if (program) known.push_back(*program);
    }
    for (const double p : flags.chances) {
      const auto programs = diversity::emulate_model(known, static_cast<std::size_t>(flags.k), p, context.seed, set.prompt_id);
      if (!programs) {
        problems.add(fmt::format("{}:{}", flags.file, set.line), programs.error().message);
        break;
      }
      JsonWriter json;
      json.begin_object().field("prompt_id", set.prompt_id);
      for (const auto& [column, value] : set.group) json.key(column).raw(value);
      json.field("p", p).field("generations", *programs).end_object();
      lines += json.text() + "\n";
      programs_made += static_cast<std::int64_t>(programs->size());
    }
  }
  if (!problems.empty()) {
    Error error = problems.to_error(ErrorCode::kInsufficientData);
    error.notes.emplace_back("-k N draws fewer");
    return fail(std::move(error));
  }
  DocumentWriter document("gimbal.diversity.perturb/1");
  JsonWriter& json = document.json();
  json.field("generations", *flags.out).field("prompts", static_cast<std::uint64_t>(file.sets.size()));
  json.field("k", flags.k).field("p", std::span<const double>(flags.chances)).field("programs", programs_made);
  GIMBAL_TRY(finish_document(context, document, {}, {{*flags.out, lines}}));
  const std::size_t prompts = file.sets.size();
  const bool tests_there = prompts > 0 && file.sets.front().programs;  // of a file that holds tasks too
  context.print(
      fmt::format("{} prompt{}, {} level{}, {} programs: {}\nNext: gimbal diversity run {} --tasks {} --extract raw -o "
                  "records.jsonl",
                  prompts, prompts == 1 ? "" : "s", flags.chances.size(), flags.chances.size() == 1 ? "" : "s",
                  format_count(programs_made), *flags.out, *flags.out, tests_there ? flags.file : "TASKS"));
  return 0;
}

}  // namespace

Command diversity_perturb_command() {
  auto flags = std::make_shared<Flags>();
  Command command("perturb", "Emulate models of different temperature from known programs.");
  command.description(
      "For each prompt K of its known programs are drawn without replacement, and each of their tokens is deleted, replaced by "
      "one "
      "of the prompt's tokens, or doubled, with probability p in all. With p the wording becomes more diverse and fewer "
      "programs "
      "run: a study of diversity without a language model. Writes a generations file with the column p.");
  command.positional("FILE", &flags->file).file().help("known programs, JSONL: a list a prompt");
  command.option("-p, --p", &flags->chances).value("P,P,...").min(0).max(1).help("chances of a token to be changed");
  command.option("-k, --k", &flags->k).value("K").min(1).help("programs of each prompt");
  add_out(command, &flags->out).required().help("generations, JSONL");
  command.example("gimbal diversity perturb data/diversity/variants.jsonl.gz -p 0,0.01,0.05 -k 40 -o sweep.jsonl");
  command.run([flags](CommandContext& context) { return perturb(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
