// gimbal diversity sample: asks a model for programs.
#include <map>

#include "gimbal/base/file.h"
#include "gimbal/base/hash.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/deadline.h"
#include "gimbal/cli/diversity_commands.h"
#include "gimbal/cli/model_options.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/diversity/prompt_template.h"
#include "gimbal/diversity/sample_file.h"
#include "gimbal/diversity/tasks.h"
#include "gimbal/lm/request_json.h"

namespace gimbal::cli {
namespace {

using diversity::PromptForm;

struct Flags {
  std::string tasks;
  int k = 32;
  std::string prompt_template = "zero-shot";
  PromptForm form = PromptForm::kChat;
  std::optional<std::string> out, only, model_name;
  std::optional<double> params_b;
  std::optional<std::int64_t> limit;
  std::optional<Duration> max_time;
  bool resume = false, force = false;
  ModelFlags model;
  SamplingFlags sampling;
};

struct Asked {
  const diversity::Task* task;
  lm::Request request;  // all samples
};

Result<std::vector<Asked>> make_requests(const CommandContext& context, const Flags& flags, const diversity::TaskFile& tasks) {
  GIMBAL_TRY(const diversity::PromptTemplate prompts, diversity::PromptTemplate::load(flags.prompt_template));
  GIMBAL_TRY(lm::Sampling sampling, sampling_of(context, flags.sampling));
  for (std::string& stop : prompts.stops(flags.form)) {
    if (std::find(sampling.stop.begin(), sampling.stop.end(), stop) == sampling.stop.end())
      sampling.stop.push_back(std::move(stop));
  }
  std::vector<Asked> asked;
  Diagnostics problems;
  for (const diversity::Task& task : tasks.tasks) {
    if (flags.only && !glob_match(*flags.only, task.id)) continue;
    if (flags.limit && static_cast<std::int64_t>(asked.size()) == *flags.limit) break;
    auto prompt = prompts.render(task, flags.form);
    if (!prompt) {
      problems.add(fmt::format("{}:{}", flags.tasks, task.line), prompt.error().message);
      continue;
    }
    Asked one{&task, {.id = task.id, .prompt = std::move(*prompt), .samples = {}, .sampling = sampling, .seed = context.seed}};
    for (int k = 0; k < flags.k; ++k) one.request.samples.push_back(k);
    asked.push_back(std::move(one));
  }
  if (!problems.empty()) return fail(problems.to_error(ErrorCode::kInvalidArgument));
  if (asked.empty())
    return fail_at("--only", ErrorCode::kNotFound, "no task of {} has an id that matches {}", flags.tasks,
                   gimbal::quoted(flags.only.value_or("*")));
  return asked;
}

// All that decides the samples, and of which the endpoint's address is no part: a server may move.
std::string settings_json(const CommandContext& context, const Flags& flags, const lm::ModelInfo& about,
                          const std::vector<Asked>& asked) {
  Sha256 prompts;
  for (const Asked& one : asked) {
    JsonWriter json;
    json.begin_object().field("id", one.task->id);
    lm::write_prompt(json, one.request.prompt);
    json.end_object();
    prompts.update(json.text()).update("\n");
  }
  const Sha256Digest digest = prompts.finish();
  JsonWriter json;
  json.begin_object().field("model", about.name).field("template", flags.prompt_template);
  json.field("prompts", hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size())));
  json.key("sampling");
  lm::write_sampling(json, asked.front().request.sampling, true);
  json.field("seed", context.seed).end_object();
  return json.take();
}

std::string generations_text(const Flags& flags, const lm::ModelInfo& about, const std::vector<Asked>& asked,
                             const diversity::SampleFile& file) {
  std::string lines;
  for (const Asked& one : asked) {
    const lm::Sampling& sampling = one.request.sampling;
    JsonWriter json;
    json.begin_object().field("prompt_id", one.task->id).key("group").begin_object();
    json.field("model", flags.model_name.value_or(about.name)).field("template", flags.prompt_template);
    json.field("temperature", sampling.temperature).field("top_p", sampling.top_p);
    if (flags.params_b) json.field("params_b", *flags.params_b);
    json.end_object();
    // What continues the beginning of a program is half of one, and `run` puts the prompt before it.
    const bool continues = one.task->completes_prompt && std::holds_alternative<std::string>(one.request.prompt) &&
                           std::get<std::string>(one.request.prompt) == one.task->prompt;
    json.key(continues ? "completions" : "generations").begin_array();
    for (const int k : one.request.samples) json.value(file.find(one.task->id, k)->text);
    json.end_array().end_object();
    lines += json.text() + "\n";
  }
  return lines;
}

struct Counts {
  std::map<std::string, std::int64_t> finish;
  std::int64_t samples = 0, truncated = 0, reasoning_only = 0, empty = 0;
};
Counts count(const std::vector<Asked>& asked, const diversity::SampleFile& file) {
  Counts counts;
  for (const Asked& one : asked) {
    for (const int k : one.request.samples) {
      const diversity::DrawnSample& sample = *file.find(one.task->id, k);
      ++counts.samples;
      ++counts.finish[sample.finish];
      if (lm::parse_finish(sample.finish) == lm::Finish::kLength) ++counts.truncated;
      if (sample.reasoning_only)
        ++counts.reasoning_only;
      else if (trim(sample.text).empty())
        ++counts.empty;
    }
  }
  return counts;
}

void warn_of(CommandContext& context, const Counts& counts, int max_new_tokens) {
  const auto share = [&](std::int64_t n) {
    return fmt::format("{} of {} answers ({:.3g} %)", format_count(n), format_count(counts.samples),
                       100.0 * static_cast<double>(n) / static_cast<double>(counts.samples));
  };
  if (counts.truncated > 0)
    context.warn(
        "truncated",
        fmt::format("{} were cut off at {} tokens, and programs that are cut off are not valid: raise --max-new-tokens",
                    share(counts.truncated), max_new_tokens),
        counts.truncated);
  if (counts.reasoning_only > 0)
    context.warn("reasoning_only",
                 fmt::format("{} hold reasoning and no answer: raise --max-new-tokens", share(counts.reasoning_only)),
                 counts.reasoning_only);
  if (counts.empty > 0) context.warn("empty", fmt::format("{} are empty", share(counts.empty)), counts.empty);
}

Result<int> sample(CommandContext& context, const Flags& flags) {
  const std::string& out = *flags.out;
  std::vector<NamedFile> written{{"--out", out}, {"--out", out + ".part"}};
  if (flags.model.record) written.push_back({"--record", *flags.model.record});
  GIMBAL_TRY(check_written(written, std::array{NamedFile{"--tasks", flags.tasks}}));
  if (flags.resume && flags.force) return fail_at("--resume", ErrorCode::kUsage, "--force begins anew: give one of them");
  if (exists(out) && !flags.force)
    return fail_at("--out", ErrorCode::kAlreadyExists, "{} is there already and complete: --force draws it anew", out);
  if (exists(out + ".part") && !flags.resume && !flags.force)
    return fail_at("--out", ErrorCode::kAlreadyExists,
                   "{}.part holds the samples of an interrupted run: --resume goes on with it, --force "
                   "begins anew",
                   out);
  GIMBAL_TRY(const diversity::TaskFile tasks, diversity::read_tasks(flags.tasks));
  GIMBAL_TRY(std::vector<Asked> asked, make_requests(context, flags, tasks));
  GIMBAL_TRY(const std::unique_ptr<lm::MeteredModel> model, open_model(context, flags.model));
  const lm::ModelInfo about = model->info();
  GIMBAL_TRY(diversity::SampleFile file,
             diversity::SampleFile::open(out, settings_json(context, flags, about, asked), flags.resume));
  context.lap("read");

  std::vector<lm::Request> requests;
  std::int64_t wanted = 0, resumed = 0;
  for (const Asked& one : asked) {
    lm::Request request = one.request;
    std::erase_if(request.samples, [&](int k) { return file.find(one.task->id, k) != nullptr; });
    wanted += flags.k;
    resumed += flags.k - static_cast<std::int64_t>(request.samples.size());
    if (!request.samples.empty()) requests.push_back(std::move(request));
  }
  Deadline deadline(context.stop(), flags.max_time);
  Progress progress("sampling", static_cast<std::uint64_t>(wanted - resumed), context.progress_mode(), context.clock(),
                    "answers");
  auto drawn = model->generate(
      requests,
      [&](lm::Output&& output) -> Result<void> {
        progress.advance();
        const bool reasoning_only = trim(output.text).empty() && !output.reasoning.empty();
        return file.add(requests[output.request].id, output.k, {std::move(output.text), output.finish_word, reasoning_only});
      },
      deadline.token());
  GIMBAL_TRY(file.sync());
  context.lap("sample");
  if (!drawn) {
    Error error = std::move(drawn).error();
    if (deadline.passed()) error = Error{ErrorCode::kTimeLimit, "the time is up", {}, "--max-time"};
    if (file.size() == 0) {
      file.drop_if_empty();
    } else {
      const std::int64_t have = resumed + model->spending().samples;
      error.notes.push_back(fmt::format("{} of {} answers are in {}; go on with --resume", format_count(have),
                                        format_count(wanted), file.part_path()));
    }
    return fail(std::move(error));
  }
  const Counts counts = count(asked, file);
  GIMBAL_TRY(file.finish(generations_text(flags, about, asked, file)));
  warn_of(context, counts, flags.sampling.max_new_tokens);

  DocumentWriter document("gimbal.diversity.sample/1");
  JsonWriter& json = document.json();
  json.field("generations", out).field("model", flags.model_name.value_or(about.name)).field("template", flags.prompt_template);
  json.field("prompts", static_cast<std::uint64_t>(asked.size())).field("k", flags.k).field("samples", counts.samples);
  json.field("resumed", resumed).key("finish").begin_object();
  for (const auto& [word, n] : counts.finish) json.field(word, n);
  json.end_object();
  write_usage(json, *model);
  GIMBAL_TRY(finish_document(context, document));
  std::string text =
      fmt::format("{} answer{} to {} prompt{}: {}\n", format_count(counts.samples), counts.samples == 1 ? "" : "s",
                  format_count(static_cast<std::int64_t>(asked.size())), asked.size() == 1 ? "" : "s", usage_text(*model));
  if (resumed > 0) text += fmt::format("{} of them were drawn before the interruption\n", format_count(resumed));
  text += fmt::format("Generations: {}\nNext: gimbal diversity run {} --tasks {} -o records.jsonl", out, out, flags.tasks);
  context.print(text);
  return 0;
}

}  // namespace

Command diversity_sample_command() {
  auto flags = std::make_shared<Flags>();
  flags->sampling.max_new_tokens = 1500;
  Command command("sample", "Ask a model for programs, K for each task.");
  command.description(
      "Puts each task into a prompt, draws K answers, and writes them as a generations file with the columns model, template, "
      "temperature and top_p. Answer k of a prompt is drawn with a seed of its own, from --seed, the prompt and k: it does not "
      "depend "
      "on which others are drawn with it (as far as the server keeps to seeds).\n\n"
      "Finished answers are kept in FILE.part: after an interruption (exit 130), a used-up budget or --max-time (5), or a "
      "server that is "
      "gone (4), --resume asks only for what is missing.");
  command.option("--tasks", &flags->tasks).value("FILE").file().required().help("tasks with their prompts, JSONL");
  command.option("-k, --k", &flags->k).value("K").min(1).max(100000).help("answers to each prompt");
  command.option("--template", &flags->prompt_template)
      .value("NAME|FILE")
      .help("zero-shot, two-shot, two-shot-cot (a sentence of thought first), or a file with {prompt}");
  command.choice("--prompt-form", &flags->form, {{"chat", PromptForm::kChat}, {"text", PromptForm::kText}})
      .help("messages for models that follow instructions, or a text to continue for base models");
  add_out(command, &flags->out).required().help("generations, JSONL");
  command.option("--model-name", &flags->model_name).value("NAME").show_default("the endpoint's").help("the column `model`");
  command.option("--params-b", &flags->params_b)
      .value("B")
      .above(0)
      .help("billions of parameters: the column `params_b`, for diversity by size");
  command.option("--only", &flags->only).value("GLOB").help("tasks whose id matches");
  add_limit(command, &flags->limit).help("the first tasks alone");
  command.flag("--resume", &flags->resume).help("go on with FILE.part of a run that was interrupted");
  add_force(command, &flags->force).help("draw anew what is there");
  add_max_time(command, &flags->max_time);
  add_model_options(command, flags->model);
  add_sampling_options(command, flags->sampling);
  command.example(
      "gimbal diversity sample --tasks tasks.jsonl --model http://localhost:8080/v1#qwen2.5-0.5b -k 32 -o base.jsonl");
  command.example(
      "gimbal diversity sample --tasks tasks.jsonl --model exec:\"python3 model.py\" -k 8 --template two-shot -o two.jsonl",
      "A program of yours that reads requests and writes answers, a JSON document a line.");
  command.run([flags](CommandContext& context) { return sample(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
