#include "gimbal/diversity/score_pairs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "gimbal/base/json.h"
#include "gimbal/base/text.h"
#include "gimbal/stats/bootstrap.h"

namespace gimbal::diversity {
namespace {

constexpr std::size_t kPromptsForAuto = 6;  // with fewer no difference can be significant

std::optional<std::string> value_of(const Group& group, const std::string& column) {
  const auto at = std::ranges::find(group, column, [](const auto& cell) { return cell.first; });
  return at == group.end() ? std::nullopt : std::optional(plain_value(at->second));
}

bool belongs(const PromptMeasures& prompt, const GroupSide& side) { return value_of(prompt.group, side.column) == side.value; }

std::optional<double> value_of(const Measures& measures, const std::string& name) {
  const auto at = std::ranges::find(measures, name, &Measure::name);
  return at == measures.end() ? std::nullopt : at->value;
}

// The measures of each unit of one side, by the unit's name.
using Units = std::map<std::string, std::vector<const PromptMeasures*>>;
Units units_of(std::span<const PromptMeasures> prompts, const GroupSide& side, const GroupPair& pair, bool by_prompt) {
  Units out;
  for (const PromptMeasures& prompt : prompts) {
    if (!belongs(prompt, side)) continue;
    Group rest;
    for (const auto& cell : prompt.group) {
      if (cell.first != pair.a.column && cell.first != pair.b.column) rest.push_back(cell);
    }
    out[(by_prompt ? prompt.prompt_id + "\n" : "") + group_json(rest)].push_back(&prompt);
  }
  return out;
}

// Means over the prompts for which a measure is defined.
Measures means(const std::vector<const PromptMeasures*>& prompts) {
  Measures out;
  std::vector<double> n;
  for (const PromptMeasures* prompt : prompts) {
    for (const Measure& m : prompt->measures) {
      auto at = static_cast<std::size_t>(std::ranges::find(out, m.name, &Measure::name) - out.begin());
      if (at == out.size()) {
        out.push_back({m.name, std::nullopt});
        n.push_back(0);
      }
      if (!m.value) continue;
      out[at].value = out[at].value.value_or(0) + *m.value;
      n[at] += 1;
    }
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (out[i].value) *out[i].value /= n[i];
  }
  return out;
}

}  // namespace

Result<std::vector<PromptMeasures>> read_scores(const std::string& path) {
  GIMBAL_TRY(const JsonView document, JsonView::read_file(path));
  GIMBAL_TRY(document.expect_schema(kScoresSchema));
  GIMBAL_TRY(const JsonView list, document.get("prompts"));
  GIMBAL_TRY(const std::vector<JsonView> items, list.items());
  std::vector<PromptMeasures> out;
  for (const JsonView& item : items) {
    PromptMeasures prompt;
    GIMBAL_TRY(prompt.prompt_id, item.string("prompt_id"));
    GIMBAL_TRY(const JsonView group, item.get("group"));
    GIMBAL_TRY(const auto columns, group.members());
    for (const auto& [column, value] : columns) prompt.group.emplace_back(column, value.text());
    GIMBAL_TRY(const JsonView measures, item.get("measures"));
    GIMBAL_TRY(const auto values, measures.members());
    for (const auto& [name, value] : values) {
      Measure measure{name, std::nullopt};
      if (!value.is_null()) {
        GIMBAL_TRY(measure.value, value.number());
      }
      prompt.measures.push_back(std::move(measure));
    }
    out.push_back(std::move(prompt));
  }
  return out;
}

Result<GroupPair> parse_pair(std::string_view text, std::span<const PromptMeasures> prompts) {
  std::map<std::string, std::set<std::string>> known;
  for (const PromptMeasures& prompt : prompts) {
    for (const auto& [column, value] : prompt.group) known[column].insert(plain_value(value));
  }
  const std::string first = prompts.empty() || prompts.front().group.empty() ? "" : prompts.front().group.front().first;
  const auto side = [&](std::string_view word) -> std::optional<GroupSide> {
    if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
      GroupSide out{std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))};
      const auto column = known.find(out.column);
      if (column != known.end() && column->second.contains(out.value)) return out;
    }
    GroupSide out{first, std::string(word)};
    const auto column = known.find(first);
    return column != known.end() && column->second.contains(out.value) ? std::optional(out) : std::nullopt;
  };
  for (std::size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    const auto a = side(text.substr(0, colon)), b = side(text.substr(colon + 1));
    if (a && b && a->text() != b->text()) return GroupPair{*a, *b};
  }
  std::vector<std::string> names;
  for (const auto& [column, values] : known) {
    for (const std::string& value : values) names.push_back(column + "=" + value);
  }
  return fail(ErrorCode::kUsage, "expected two groups such as COLUMN=A:COLUMN=B, found {}; the groups are: {}",
              gimbal::quoted(text), names.empty() ? "none (the scores have no group columns)" : join(names, ", "));
}

std::string_view pair_unit_name(PairUnit unit) {
  return unit == PairUnit::kCell ? "cell" : unit == PairUnit::kPrompt ? "prompt" : "auto";
}

Result<PairedGroups> pair_groups(std::span<const PromptMeasures> prompts, const GroupPair& pair, PairUnit unit) {
  const auto shared = [](const Units& a, const Units& b) {
    return std::ranges::count_if(a, [&](const auto& entry) { return b.contains(entry.first); });
  };
  PairedGroups out{.a = pair.a.text(), .b = pair.b.text(), .unit = unit};
  Units a = units_of(prompts, pair.a, pair, true), b = units_of(prompts, pair.b, pair, true);
  if (unit == PairUnit::kAuto) {
    out.unit = static_cast<std::size_t>(shared(a, b)) >= kPromptsForAuto ? PairUnit::kPrompt : PairUnit::kCell;
  }
  if (out.unit == PairUnit::kCell) {
    a = units_of(prompts, pair.a, pair, false);
    b = units_of(prompts, pair.b, pair, false);
  } else {
    for (const Units* side : {&a, &b}) {
      for (const auto& [name, members] : *side) {
        if (members.size() > 1) {
          return fail_at("--pairs", ErrorCode::kConflict, "prompt {} comes {} times in one group; was a file given twice?",
                         gimbal::quoted(members.front()->prompt_id), members.size());
        }
      }
    }
  }
  if (shared(a, b) == 0) {
    return fail_at("--pairs", ErrorCode::kInsufficientData, "no common unit: {} has {} {}s, {} has {} others", out.a, a.size(),
                   pair_unit_name(out.unit), out.b, b.size());
  }
  for (const auto& [name, members] : a) {
    const auto other = b.find(name);
    if (other == b.end()) continue;
    out.of_a.push_back(means(members));
    out.of_b.push_back(means(other->second));
  }
  return out;
}

std::optional<PairedSamples> samples_of(const PairedGroups& groups, const std::string& measure) {
  PairedSamples out{.measure = measure, .a = groups.a, .b = groups.b};
  bool any = false;
  for (std::size_t i = 0; i < groups.of_a.size(); ++i) {
    out.values_a.push_back(value_of(groups.of_a[i], measure));
    out.values_b.push_back(value_of(groups.of_b[i], measure));
    any = any || (out.values_a.back() && out.values_b.back());
  }
  return any ? std::optional(std::move(out)) : std::nullopt;
}

Result<Decomposition> decompose(const PairedGroups& groups, const CompareOptions& options) {
  struct Unit {
    double validity_a, validity_b, div_a, div_b;
  };
  std::vector<Unit> units;
  for (std::size_t i = 0; i < groups.of_a.size(); ++i) {
    const auto validity_a = value_of(groups.of_a[i], "validity"), validity_b = value_of(groups.of_b[i], "validity");
    const auto div_a = value_of(groups.of_a[i], "div_fixed"), div_b = value_of(groups.of_b[i], "div_fixed");
    if (validity_a && validity_b && div_a && div_b) units.push_back({*validity_a, *validity_b, *div_a, *div_b});
  }
  if (units.empty()) {
    return fail_at("--decompose", ErrorCode::kInsufficientData, "no unit has validity and div_fixed in both groups");
  }
  Decomposition out{.a = groups.a, .b = groups.b, .log_ratio = {}, .from_validity = {}, .from_variety = {}};
  const auto ratio = [&](std::span<const double> weight, double Unit::* above, double Unit::* below) {
    double over = 0, under = 0;
    for (std::size_t i = 0; i < units.size(); ++i) {
      over += weight[i] * (units[i].*above);
      under += weight[i] * (units[i].*below);
    }
    return over > 0 && under > 0 ? std::log(over / under) : std::numeric_limits<double>::quiet_NaN();
  };
  const auto log_div = [&](std::span<const double> w) { return ratio(w, &Unit::div_b, &Unit::div_a); };
  const auto log_validity = [&](std::span<const double> w) { return ratio(w, &Unit::validity_b, &Unit::validity_a); };
  const auto part = [&](const auto& statistic) -> Result<Decomposition::Part> {
    const std::vector<double> ones(units.size(), 1.0);
    Decomposition::Part result;
    const double value = statistic(ones);
    if (!std::isfinite(value)) return result;
    result.value = value;
    if (units.size() < 2 || options.draws == 0) return result;
    const auto interval = stats::bootstrap(
        {.rows = units.size(), .cluster = {}},
        [&](std::span<const double> weight) { return stats::StatisticValue{.value = statistic(weight)}; },
        {.draws = options.draws,
         .level = 1 - options.alpha,
         .stream = [&](std::uint64_t b) { return Stream(options.seed, "diversity.decompose", groups.a, groups.b, b); },
         .stop = options.stop});
    if (!interval) {
      // Too many resamples without anything valid: no interval can be given.
      if (interval.error().code == ErrorCode::kInsufficientData) return result;
      return fail(Error(interval.error()));
    }
    result.lo = interval->lo;
    result.hi = interval->hi;
    return result;
  };
  GIMBAL_TRY(out.log_ratio, part(log_div));
  GIMBAL_TRY(out.from_validity, part(log_validity));
  GIMBAL_TRY(out.from_variety, part([&](std::span<const double> w) { return log_div(w) - log_validity(w); }));
  return out;
}

}  // namespace gimbal::diversity
