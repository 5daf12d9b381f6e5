#include "gimbal/cli/reward_flags.h"

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"

namespace gimbal::cli {
namespace {

constexpr const char* kMath = "Verifier math";

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
      .help("countdown: score of a well-formed expression that is wrong");
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
  command.option("--workers", &o.exec.workers)
      .value("N")
      .min(1)
      .max(256)
      .group("Other verifiers")
      .help("exec: programs at the same time");
}

Result<std::unique_ptr<reward::Verifier>> make_verifier(const CommandContext& context, const VerifierFlags& flags) {
  reward::VerifierOptions options = flags.options;
  options.exec.timeout_s = static_cast<double>(flags.timeout_ms) / 1000;
  options.exec.on_error_line = [log = context.log()](std::string_view line) { log.info(line); };
  auto made = reward::make_verifier(flags.verifier, options);
  if (!made) return fail(std::move(made.error()).at("--verifier"));
  return made;
}

std::string_view profile_name(const VerifierFlags& flags) {
  return flags.options.math.profile == reward::MathProfile::kMath ? "math" : "hendrycks";
}

}  // namespace gimbal::cli
