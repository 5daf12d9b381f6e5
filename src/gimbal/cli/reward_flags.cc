#include "gimbal/cli/reward_flags.h"

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/cli/paths.h"
#include "gimbal/sandbox/capabilities.h"

namespace gimbal::cli {
namespace {

constexpr const char* kMath = "Verifier math";
constexpr const char* kCode = "Verifier code";

Result<int> parse_from(std::string_view word) {
  if (word == "all") return 0;
  constexpr std::string_view kPrefix = "last-lines:";
  if (word.starts_with(kPrefix)) {
    const auto count = parse_int(word.substr(kPrefix.size()));
    if (count && *count >= 1 && *count <= 1'000'000) return static_cast<int>(*count);
  }
  return fail(ErrorCode::kUsage, "expected all or last-lines:N with N of at least 1, found {}", gimbal::quoted(word));
}

}  // namespace

void add_verifier_flags(Command& command, VerifierFlags* flags) {
  reward::VerifierOptions& o = flags->options;
  command.option("--verifier", &flags->verifier)
      .value("V")
      .help("a verifier of `gimbal reward list`, or a combination such as \"0.9*math + 0.1*format\"");
  command
      .choice("--profile", &o.math.profile,
              {{"math", reward::MathProfile::kMath}, {"hendrycks", reward::MathProfile::kHendrycks}})
      .group(kMath)
      .help("math compares values; hendrycks compares normalised strings, as published MATH numbers do");
  command.parsed<int>("--from", &o.math.last_lines, parse_from, "all")
      .value("all|last-lines:N")
      .group(kMath)
      .help("where the answer is looked for");
  command.flag("--loose", &o.math.loose)
      .group(kMath)
      .help("without a box, take \"answer is ...\", the last $...$ or the last number");
  command.flag("--strict-one", &o.math.strict_one).group(kMath).help("several distinct boxed answers are wrong");
  command.flag("--round", &o.math.round).group(kMath).help("a decimal equals what rounds to it");
  command.option("--tol", &o.number.tolerance)
      .value("REL")
      .min(0)
      .max(1)
      .group("Other verifiers")
      .help("number: relative tolerance");
  command
      .choice("--normalize", &o.exact.normalize,
              {{"none", reward::Normalize::kNone},
               {"trim", reward::Normalize::kTrim},
               {"ws", reward::Normalize::kWhitespace},
               {"case", reward::Normalize::kCase},
               {"punct", reward::Normalize::kPunctuation}})
      .group("Other verifiers")
      .help("exact: what does not count");
  command.flag("--any-of", &o.exact.any_of).group("Other verifiers").help("exact: a gold list holds alternatives");
  command.option("--partial", &o.countdown.partial)
      .value("S")
      .min(0)
      .max(1)
      .group("Other verifiers")
      .optional_value("0.1")
      .help("countdown: score of a well-formed expression that is wrong; code: the score is the share of tests passed");
  command.choice("--compat", &o.countdown.last_line, {{"none", false}, {"tinyzero", true}})
      .group("Other verifiers")
      .help("countdown: tinyzero takes the answer from the last line only");
  command.option("--timeout-ms", &flags->timeout_ms)
      .value("MS")
      .min(1)
      .max(86'400'000)
      .group("Other verifiers")
      .help("exec: the longest wait for the next answer");
  command.choice("--range", &o.exec.any_range, {{"unit", false}, {"any", true}})
      .group("Other verifiers")
      .help("exec: scores from 0 to 1, or any");
  add_code_flags(command, flags, true);
}

void add_code_flags(Command& command, VerifierFlags* flags, bool tasks) {
  reward::CodeOptions& code = flags->options.code;
  if (tasks) {
    command.option("--tasks", &flags->tasks)
        .file()
        .value("FILE")
        .group(kCode)
        .help("tasks by id, JSONL or JSONL.gz; without it every record holds its task");
  }
  command.flag("--challenge", &code.task.challenge).group(kCode).help("MBPP: the tests of challenge_test_list too");
  command.flag("--feedback", &code.feedback)
      .group(kCode)
      .help("add a text that quotes the first failing test, for the author of the answer");
  command.option("--equiv", &code.equiv)
      .value("RULES")
      .show_default("trim")
      .group(kCode)
      .help("when two outputs are the same, as in gimbal diversity");
  command.option("--task-cache", &flags->task_cache)
      .value("DIR")
      .folder()
      .group(kCode)
      .show_default("the user's cache folder")
      .help("keeps which tasks need one process, decided by their references");
  command.option("--workers", &flags->workers)
      .value("N")
      .min(1)
      .max(256)
      .show_default("one; code: one a core")
      .group(kCode)
      .help("programs at the same time, also of exec");
  command.option("--python", &flags->python)
      .value("PATH")
      .show_default("the first python3")
      .group(kCode)
      .help("the interpreter of the programs");
  add_policy_options(command, flags->policy);
}

Result<reward::CodeRunnerOptions> code_environment(CommandContext& context, const VerifierFlags& flags) {
  reward::CodeRunnerOptions options;
  GIMBAL_TRY(const sandbox::Capabilities machine, sandbox::probe(context.environment("GIMBAL_SANDBOX_DISABLE").value_or("")));
  GIMBAL_TRY(options.confinement, sandbox::resolve_policy(flags.policy.policy, machine, flags.policy.accept_risk));
  Result<sandbox::PythonInterpreter> python = sandbox::find_python(flags.python);
  if (!python) return fail(std::move(python).error().at("--python"));
  options.python = std::move(*python);
  options.workers = static_cast<int>(flags.workers.value_or(0));
  if (options.confinement.policy == sandbox::PolicyKind::kOff) {
    context.warn("sandbox_off", "--sandbox=off: the programs ran with your rights");
  } else if (options.confinement.policy == sandbox::PolicyKind::kRlimits) {
    context.warn("sandbox_rlimits", "--sandbox=rlimits: the programs were limited but not isolated");
  }
  return options;
}

Result<std::unique_ptr<reward::Verifier>> make_verifier(CommandContext& context, const VerifierFlags& flags) {
  reward::VerifierOptions options = flags.options;
  options.exec.timeout_s = static_cast<double>(flags.timeout_ms) / 1000;
  options.exec.on_error_line = [log = context.log()](std::string_view line) { log.info(line); };
  options.exec.workers = static_cast<int>(flags.workers.value_or(1));
  options.code.partial = context.given("partial");
  options.code.tasks_file = flags.tasks.value_or("");
  options.code.workers = static_cast<int>(flags.workers.value_or(0));
  const std::string cache = cache_folder([&](const std::string& name) { return context.environment(name); });
  options.code.cache_folder = flags.task_cache.value_or(cache.empty() ? "" : cache + "/reward");
  options.code.environment = [&] { return code_environment(context, flags); };
  auto made = reward::make_verifier(flags.verifier, options);
  if (!made && made.error().code == ErrorCode::kUsage && made.error().where.empty()) {
    return fail(std::move(made.error()).at("--verifier"));
  }
  return made;
}

std::string_view profile_name(const VerifierFlags& flags) {
  return flags.options.math.profile == reward::MathProfile::kMath ? "math" : "hendrycks";
}

}  // namespace gimbal::cli
