// The grammar of selection rules.
#include <algorithm>

#include "gimbal/base/number.h"
#include "gimbal/base/text.h"
#include "gimbal/policy/select.h"

namespace gimbal::policy {
namespace {

using Kind = SelectRule::Kind;

tl::unexpected<Error> unknown_rule(std::string_view text) {
  const std::vector<std::string> names = {"power:B",   "max-z",    "max-tau", "tau*power",
                                          "lcb:KAPPA", "lambda:V", "tau:T",   "share:ARM<=S"};
  const std::vector<std::string> heads = {"power", "max-z", "max-tau", "tau*power", "lcb", "lambda", "tau", "share"};
  std::string hint;
  if (const std::vector<std::string> near = nearest(text.substr(0, text.find(':')), heads, 1); !near.empty()) {
    const auto at = std::ranges::find(heads, near.front()) - heads.begin();
    hint = fmt::format("; did you mean {}?", gimbal::quoted(names[static_cast<std::size_t>(at)]));
  }
  return fail_at("--select", ErrorCode::kUsage, "expected one of {}; found {}{}", join(names, ", "), gimbal::quoted(text),
                 hint);
}

tl::unexpected<Error> bad_value(std::string_view rule, std::string_view range, std::string_view value) {
  return fail_at("--select", ErrorCode::kUsage, "{} needs {}, found {}", rule, range, gimbal::quoted(value));
}

}  // namespace

Result<SelectRule> parse_select_rule(std::string_view text) {
  SelectRule rule;
  rule.text = text;
  const auto plain = [&](Kind kind) {
    rule.kind = kind;
    rule.value = 0;
    return rule;
  };
  if (text == "max-z") return plain(Kind::kMaxZ);
  if (text == "max-tau") return plain(Kind::kMaxTau);
  if (text == "tau*power") return plain(Kind::kTauPower);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return unknown_rule(text);
  const std::string_view head = text.substr(0, colon), rest = text.substr(colon + 1);
  if (head == "share") {
    const std::size_t at = rest.rfind("<=");
    if (at == std::string_view::npos || at == 0) return bad_value("share", "ARM<=S", rest);
    const std::optional<double> value = parse_finite(rest.substr(at + 2));
    if (!value || *value < 0 || *value > 1) return bad_value("share:ARM<=S", "a fraction from 0 to 1", rest.substr(at + 2));
    rule.kind = Kind::kShare;
    rule.arm = rest.substr(0, at);
    rule.value = *value;
    return rule;
  }
  const std::optional<double> value = parse_double(rest);
  const auto with = [&](Kind kind, bool valid, std::string_view range) -> Result<SelectRule> {
    if (!value || !valid) return bad_value(head, range, rest);
    rule.kind = kind;
    rule.value = *value;
    return rule;
  };
  if (head == "power") return with(Kind::kPower, value && *value > 0 && *value < 1, "a number above 0 and below 1");
  if (head == "lcb") return with(Kind::kLcb, value && *value > 0 && *value < kInfinity, "a number above 0");
  if (head == "lambda") return with(Kind::kLambda, value && *value >= 0, "a number of at least 0, or inf");
  if (head == "tau") return with(Kind::kTau, value && std::isfinite(*value), "a number");
  return unknown_rule(text);
}

}  // namespace gimbal::policy
