#include "gimbal/policy/baseline.h"

#include <algorithm>

#include "gimbal/base/text.h"

namespace gimbal::policy {
namespace {

constexpr std::string_view kForms =
    "logging (the policy that collected the data), arm:NAME (that arm for everyone), columns:PREFIX (probabilities in the "
    "columns PREFIX + arm), policy:FILE (another policy file)";

Result<std::size_t> find_arm(const std::string& name, std::span<const std::string> arms) {
  const auto at = std::find(arms.begin(), arms.end(), name);
  if (at != arms.end()) return static_cast<std::size_t>(at - arms.begin());
  std::vector<std::string> found;
  for (const std::string& arm : arms) found.push_back(gimbal::quoted(arm));
  return fail_at("--baseline", ErrorCode::kUsage, "no arm {}; the arms are {}{}", gimbal::quoted(name), join(found, ", "),
                 did_you_mean(name, arms));
}

}  // namespace

std::string BaselineSpec::text() const {
  switch (kind) {
    case Kind::kLogging:
      return "logging";
    case Kind::kArm:
      return "arm:" + argument;
    case Kind::kColumns:
      return "columns:" + argument;
    case Kind::kPolicy:
      return "policy:" + argument;
  }
  return "logging";
}

std::string BaselineSpec::words() const {
  switch (kind) {
    case Kind::kLogging:
      return "the logging policy";
    case Kind::kArm:
      return fmt::format("{} for everyone", gimbal::quoted(argument));
    case Kind::kColumns:
      return fmt::format("the baseline in the columns {}", gimbal::quoted(argument + "..."));
    case Kind::kPolicy:
      return fmt::format("the policy in {}", argument);
  }
  return "the logging policy";
}

Result<BaselineSpec> parse_baseline(std::string_view text) {
  if (text == "logging") return BaselineSpec{};
  const std::size_t colon = text.find(':');
  const std::string_view word = text.substr(0, colon);
  const std::string argument = colon == std::string_view::npos ? std::string() : std::string(text.substr(colon + 1));
  if (!argument.empty()) {
    if (word == "arm") return BaselineSpec{BaselineSpec::Kind::kArm, argument};
    if (word == "columns") return BaselineSpec{BaselineSpec::Kind::kColumns, argument};
    if (word == "policy") return BaselineSpec{BaselineSpec::Kind::kPolicy, argument};
  }
  return fail_at("--baseline", ErrorCode::kUsage, "expected one of {}; found {}", kForms, gimbal::quoted(text));
}

Result<Matrix> resolve_baseline(const BaselineSpec& spec, std::span<const std::string> arms, const Matrix& e,
                                const BaselineSources& sources) {
  GIMBAL_CHECK(e.cols() == arms.size(), "one propensity column an arm");
  Matrix b;
  switch (spec.kind) {
    case BaselineSpec::Kind::kLogging:
      return b;
    case BaselineSpec::Kind::kArm: {
      GIMBAL_TRY(const std::size_t arm, find_arm(spec.argument, arms));
      b = Matrix(e.rows(), arms.size());
      for (std::size_t i = 0; i < e.rows(); ++i) b(i, arm) = 1.0;
      break;
    }
    case BaselineSpec::Kind::kColumns: {
      if (!sources.columns)
        return fail_at("--baseline", ErrorCode::kUsage, "{} is not available here: no columns are read", spec.text());
      GIMBAL_TRY(b, sources.columns(spec.argument));
      break;
    }
    case BaselineSpec::Kind::kPolicy: {
      if (!sources.policy) return fail_at("--baseline", ErrorCode::kUsage, "{} is not available here", spec.text());
      GIMBAL_TRY(b, sources.policy(spec.argument));
      break;
    }
  }
  GIMBAL_CHECK(b.rows() == e.rows() && b.cols() == e.cols(), "a baseline has one row a unit and one column an arm");
  GIMBAL_TRY(check_support(b, e, arms, "the baseline"));
  return b;
}

Result<void> check_support(const Matrix& p, const Matrix& e, std::span<const std::string> arms, std::string_view what,
                           const std::vector<std::string>* ids) {
  GIMBAL_CHECK(p.rows() == e.rows() && p.cols() == e.cols(), "probabilities and propensities of one shape");
  std::size_t units = 0, first_unit = 0, first_arm = 0;
  for (std::size_t i = 0; i < p.rows(); ++i) {
    for (std::size_t a = 0; a < p.cols(); ++a) {
      if (p(i, a) > 0 && e(i, a) <= 0) {
        if (units++ == 0) first_unit = i, first_arm = a;
        break;
      }
    }
  }
  if (units == 0) return {};
  return fail(ErrorCode::kNotIdentified,
              "{} cannot be evaluated from these data: {} of {} units give an arm that their propensities make impossible "
              "(first: unit {}, arm {} with probability {:.6g} and propensity 0)",
              what, units, p.rows(), ids ? gimbal::quoted((*ids)[first_unit]) : fmt::format("{}, counted from 0", first_unit),
              gimbal::quoted(arms[first_arm]), p(first_unit, first_arm));
}

}  // namespace gimbal::policy
