#include "gimbal/policy/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "gimbal/base/check.h"
#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/charts_text.h"
#include "gimbal/policy/report_context.h"

namespace gimbal::policy {
namespace {

constexpr std::size_t kCommandWidth = 84;  // what a page shows without scrolling

// An improvement and its unit; 0/1 outcomes per 100 units, which reads better than .016.
run::KeyFigure improvement_figure(const ReportContext& c, std::string label, double tau, double low, double high) {
  const double scale = c.wording.binary ? 100 : 1;
  const int decimals = decimals_for(scale * (high - low));
  run::KeyFigure figure{std::move(label), fixed_number(scale * tau, decimals, true), c.wording.improvement_unit(), ""};
  if (c.wording.binary) {
    figure.unit =
        fmt::format("{}{} per 100 {}", c.wording.outcome_name(), c.wording.minimize ? " avoided" : "", c.wording.units);
  }
  figure.note = fmt::format("{} CI {} to {}", level_words(c.test.alpha), fixed_number(scale * low, decimals, true),
                            fixed_number(scale * high, decimals, true));
  return figure;
}

void add_key_figures(run::Report& report, const ReportContext& c) {
  const FrontierPoint& chosen = *c.input.chosen;
  run::KeyFigures figures;
  if (chosen.honest) {
    figures.figures.push_back(
        improvement_figure(c, "promised", chosen.honest->tau, chosen.honest->tau_low, chosen.honest->tau_high));
  } else {
    run::KeyFigure promised = improvement_figure(c, "promised by the models", chosen.moments.tau,
                                                 chosen.moments.tau - 2 * chosen.se, chosen.moments.tau + 2 * chosen.se);
    promised.note = "nothing was held out";
    figures.figures.push_back(promised);
  }
  const CurveValue value = curve_value(chosen, CurveKind::kHonest);
  figures.figures.push_back(
      {"power", power_words(value.power), "", fmt::format("test of {} {}", count_words(c.test.n), c.wording.units)});
  if (c.estimate) {
    figures.figures.push_back(improvement_figure(c, "tested", c.estimate->tau, c.estimate->ci_low, c.estimate->ci_high));
  }
  if (c.tested) {
    figures.figures.push_back({"verdict", std::string(verdict_name(c.tested->verdict)), "",
                               c.tested->p_adjusted          ? format_p_value(*c.tested->p_adjusted)
                               : c.estimate && c.estimate->p ? format_p_value(*c.estimate->p)
                                                             : ""});
  }
  report.add(std::move(figures));
}

// As a sentence of its own: messages begin small and end without a stop.
std::string sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (!text.empty() && text.back() != '.') text += '.';
  return text;
}

void add_verdict(run::Report& report, const ReportContext& c) {
  const std::string baseline = run::escape_emphasis(baseline_words(c.loaded.request.baseline));
  if (c.tested) {
    switch (c.tested->verdict) {
      case Verdict::kBetter:
        report.add(
            run::NoteBox{run::NoteKind::kGood, "better than " + baseline,
                         "The test data, which had no part in building or choosing the policy, confirm the improvement."});
        break;
      case Verdict::kWorse:
        report.add(run::NoteBox{run::NoteKind::kWarning, "worse than " + baseline,
                                "The test says that the policy does harm. Do not use it; see the promise gap and the overlap "
                                "for where it may have gone wrong."});
        break;
      case Verdict::kInconclusive:
        report.add(run::NoteBox{run::NoteKind::kNote, "Inconclusive",
                                "The test neither confirms an improvement nor rules one out. A larger test may (see the sample "
                                "size); using the same test data to try "
                                "another policy would not be a test any more."});
        break;
    }
  }
  const double promise = curve_value(*c.input.chosen, CurveKind::kHonest).tau;
  if (c.estimate && promise > c.estimate->ci_high) {
    report.add(run::NoteBox{
        run::NoteKind::kWarning, "the test found less than was promised",
        fmt::format("The promise lies above the test's {} interval. Plan with the tested figures, not with the promised ones.",
                    level_words(c.input.evaluation->spec.alpha))});
  }
  if (c.input.fallback) {
    report.add(run::NoteBox{
        run::NoteKind::kWarning, "the rule was out of reach",
        run::escape_emphasis(sentence(c.input.why.empty() ? "no policy reaches what the rule asks for" : c.input.why)) +
            fmt::format("\n\nThe point `{}` stands in its place.", run::escape_emphasis(c.input.fallback_rule))});
  }
  const std::optional<PromiseGap> gap = c.frontier.gap(c.document.max_tau, c.input.chosen);
  if (gap && gap->verdict == PromiseVerdict::kOverpromised) {
    const std::optional<Warning> warning = promise_warning(*gap);
    report.add(run::NoteBox{
        run::NoteKind::kWarning, "the models promise too much",
        fmt::format("For the policy with the largest expected improvement, {}. Trust the honest curve, not the plug-in one.",
                    run::escape_emphasis(warning ? warning->message : "the plug-in improvement is far above the honest one"))});
  }
}

void add_opening(run::Report& report, const ReportContext& c) {
  const ReportSentences sentences = report_sentences(c.input);
  report.sections.emplace_back();
  report.add(run::Paragraphs{sentences.chosen + "\n\n" + sentences.promised + "\n\n" + sentences.tested});
  add_key_figures(report, c);
  add_verdict(report, c);
}

std::string propensity_words(const ReportContext& c) {
  const std::optional<PropensitySpec>& spec = data_flags(c).propensity;
  if (!spec) {
    return c.input.propensity_known ? "The probabilities of logging are known, so this holds by design."
                                    : "The probabilities of logging were brought along; whether they account for everything "
                                      "that drove both action and outcome cannot be checked from the data.";
  }
  switch (spec->kind) {
    case PropensitySpec::Kind::kUniform:
      return "Actions were drawn at random with equal probability (`--propensity uniform`): in a randomized trial this holds "
             "by design.";
    case PropensitySpec::Kind::kShares:
      return "Actions were drawn at random (`--propensity shares`): in a randomized trial this holds by design.";
    case PropensitySpec::Kind::kColumns:
      return fmt::format(
          "The probabilities stand in the data (`--propensity {}`): where they are the ones that drew the actions, this holds "
          "by design.",
          run::escape_emphasis(spec->text()));
    case PropensitySpec::Kind::kLogistic:
    case PropensitySpec::Kind::kGbdt:
      return fmt::format(
          "The probabilities were estimated (`--propensity {}`): **this cannot be checked from the data.** If something that "
          "is not among the features drove both the "
          "action and the outcome, every figure here may be wrong.",
          run::escape_emphasis(spec->text()));
  }
  return "";
}

void add_assumptions(run::Report& report, const ReportContext& c) {
  report.open_section("Assumptions");
  const std::string& cluster = data_flags(c).cluster.empty() ? c.loaded.request.cluster : data_flags(c).cluster;
  std::string text = "Everything above stands on these assumptions.\n\n";
  text +=
      "- **Consistency:** what is recorded as the outcome of a unit is what its recorded action led to, and one unit's action "
      "does not change another's outcome.\n";
  text +=
      "- **No unmeasured confounding:** given the features, who got which action had nothing else to do with the outcome. " +
      propensity_words(c) + "\n";
  text += fmt::format(
      "- **Overlap:** every arm that the policy may give was possible for that unit in the logged data. The largest weight of "
      "the chosen policy is expected to be {} and the effective sample "
      "size {} of {}.",
      format_significant(c.input.chosen->summary.max_weight, 3), format_count(std::llround(c.input.chosen->summary.ess)),
      format_count(static_cast<std::int64_t>(c.frontier.units())));
  if (c.input.fit && c.input.fit->propensity_min > 0)
    text += fmt::format(" The smallest probability of any arm is {}.", format_significant(c.input.fit->propensity_min, 3));
  text += "\n";
  text += cluster.empty() ? "- **Independence:** units are independent of each other. If they come in groups (villages, shops, "
                            "days), name the group with `--cluster`.\n"
                          : fmt::format(
                                "- **Independence:** the groups named by `{}` are independent of each other; within a group "
                                "units may depend on each other in any way.\n",
                                run::escape_emphasis(cluster));
  text +=
      "- **Large samples:** intervals and p-values use the normal approximation; with few units, few groups or very skewed "
      "outcomes they are too optimistic.\n";
  if (c.tested)
    text +=
        "- **One look:** the test data were used once. Trying several policies on them and reporting the best one brings the "
        "winner's curse back.\n";
  report.add(run::Paragraphs{std::move(text)});
}

void add_warnings(run::Report& report, const ReportContext& c) {
  report.open_section("Warnings");
  std::vector<const Warning*> all;
  std::set<std::pair<std::string, std::string>> seen;
  const auto take = [&](const std::vector<Warning>& warnings) {
    for (const Warning& warning : warnings) {
      if (seen.emplace(warning.code, warning.message).second) all.push_back(&warning);
    }
  };
  take(c.input.warnings);
  take(c.frontier.warnings());
  if (c.input.fit) take(c.input.fit->warnings);
  if (c.input.evaluation) take(c.input.evaluation->warnings);
  if (all.empty()) {
    report.add(run::Paragraphs{"None."});
    return;
  }
  std::string text;
  for (const Warning* warning : all) {
    // A message that spans lines would fall out of its list item.
    std::string message = run::escape_emphasis(warning->message);
    std::replace(message.begin(), message.end(), '\n', ' ');
    text += "- `" + run::escape_emphasis(warning->code) + "`: " + message;
    if (warning->count) text += fmt::format(" ({})", format_count(*warning->count));
    text += "\n";
  }
  report.add(run::Paragraphs{std::move(text)});
}

// Breaks a long command before its flags, as a shell reads it: blanks inside quotes or behind a backslash stay.
std::string wrapped_command(std::string_view command) {
  std::string out, word;
  std::size_t line = 0;
  const auto flush = [&] {
    if (word.empty()) return;
    if (line > 0 && line + 1 + word.size() > kCommandWidth) {
      out += " \\\n    ";
      line = 4;
    } else if (line > 0) {
      out += ' ';
      ++line;
    }
    out += word;
    line += word.size();
    word.clear();
  };
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (c == '\\' && quote != '\'' && i + 1 < command.size()) {
      word += c;
      word += command[++i];
    } else if (quote == 0 && c == ' ' && i + 1 < command.size() && command[i + 1] == '-') {
      flush();
    } else {
      if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == quote) {
        quote = 0;
      }
      word += c;
    }
  }
  flush();
  return out;
}

// The whole time, and what took most of it: steps below a twentieth of the whole tell nobody anything.
std::string time_sentence(const std::vector<std::pair<std::string, double>>& timing_ms) {
  double total = 0;
  for (const auto& [name, ms] : timing_ms) total += ms;
  std::vector<std::string> parts;
  for (const auto& [name, ms] : timing_ms) {
    if (ms >= 0.05 * total) parts.push_back(name + " " + format_duration(Duration(ms / 1000)));
  }
  std::string text = "Computed in " + format_duration(Duration(total / 1000));
  if (timing_ms.size() > 1 && !parts.empty()) text += " (of that " + join(parts, ", ") + ")";
  return run::escape_emphasis(text + ".");
}

void add_commands(run::Report& report, const ReportContext& c) {
  report.open_section("How to make it again");
  if (c.input.commands.empty() && c.input.timing_ms.empty()) {
    report.add(run::Paragraphs{"No commands were recorded."});
    return;
  }
  if (!c.input.commands.empty()) {
    report.add(run::Paragraphs{"Each of these commands makes one file again."});
    std::string text;
    for (const ReproduceCommand& command : c.input.commands) {
      text += fmt::format("{}# {}\n{}\n", text.empty() ? "" : "\n", command.artifact, wrapped_command(command.command));
    }
    report.add(run::CodeBlock{std::move(text), ""});
  }
  if (!c.input.timing_ms.empty()) {
    report.add(run::Paragraphs{time_sentence(c.input.timing_ms)});
  }
}

std::string default_subtitle(const ReportContext& c) {
  std::vector<std::string> parts;
  if (!data_flags(c).action.empty()) parts.push_back("action " + data_flags(c).action);
  if (c.input.rows_train > 0) parts.push_back(format_count(c.input.rows_train) + " rows to learn from");
  if (c.input.rows_test > 0) parts.push_back(format_count(c.input.rows_test) + " rows to test on");
  parts.push_back(fmt::format("score {}", score_name(c.frontier.options().score)));
  return join(parts, " · ");
}

}  // namespace

ReportContext report_context(const PolicyReportInput& input) {
  GIMBAL_CHECK(input.frontier && input.frontier->loaded && input.chosen, "a report needs a frontier and a chosen point");
  const LoadedFrontier& loaded = *input.frontier->loaded;
  ReportContext out{input,
                    *input.frontier,
                    loaded,
                    *loaded.frontier,
                    loaded.frontier->options().test,
                    input.wording.value_or(wording_of(loaded))};
  if (input.evaluation && input.tested < input.evaluation->policies.size()) {
    out.tested = &input.evaluation->policies[input.tested];
    const auto& estimate = out.tested->estimates[static_cast<std::size_t>(input.evaluation->spec.primary)];
    if (estimate && estimate->se > 0) out.estimate = &*estimate;
  }
  return out;
}

const DataFlags& data_flags(const ReportContext& c) { return c.input.model ? c.input.model->flags : c.loaded.data; }

run::Report policy_report(const PolicyReportInput& input) {
  const ReportContext c = report_context(input);
  run::Report report;
  report.title = input.title.empty() ? "Policy for " + c.wording.outcome_name() : input.title;
  report.subtitle = input.subtitle.empty() ? default_subtitle(c) : input.subtitle;
  add_opening(report, c);
  add_frontier_section(report, c);
  add_shadow_price_section(report, c);
  add_power_section(report, c);
  add_policy_section(report, c);
  add_promise_section(report, c);
  add_test_section(report, c);
  add_model_section(report, c);
  add_assumptions(report, c);
  add_warnings(report, c);
  add_commands(report, c);
  report.footer = fmt::format("gimbal {}, seed {}", input.version.empty() ? "(unknown version)" : input.version, input.seed);
  return report;
}

}  // namespace gimbal::policy
