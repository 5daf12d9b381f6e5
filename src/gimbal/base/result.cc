#include "gimbal/base/result.h"

#include "gimbal/base/check.h"

namespace gimbal {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kParseError:
      return "parse_error";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kCorrupted:
      return "corrupted";
    case ErrorCode::kVersion:
      return "version";
    case ErrorCode::kInsufficientData:
      return "insufficient_data";
    case ErrorCode::kInfeasible:
      return "infeasible";
    case ErrorCode::kNotIdentified:
      return "not_identified";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kDoesNotFit:
      return "does_not_fit";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kDiskFull:
      return "disk_full";
    case ErrorCode::kPermission:
      return "permission";
    case ErrorCode::kBudget:
      return "budget";
    case ErrorCode::kTimeLimit:
      return "time_limit";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kInternal:
      return "internal";
    case ErrorCode::kSandboxError:
      return "sandbox_error";
    case ErrorCode::kInterrupted:
      return "interrupted";
  }
  GIMBAL_CHECK(false, "an error code outside the enumeration");
}

int exit_code(ErrorCode code) {
  // The enumeration is in the order of the exit codes (shared.md 12.3).
  if (code <= ErrorCode::kVersion) return 2;
  if (code <= ErrorCode::kDoesNotFit) return 3;
  if (code <= ErrorCode::kPermission) return 4;
  if (code <= ErrorCode::kLimit) return 5;
  if (code <= ErrorCode::kSandboxError) return 70;
  return 130;
}

Error&& Error::with_note(std::string note) && {
  notes.push_back(std::move(note));
  return std::move(*this);
}

Error&& Error::at(std::string place) && {
  if (where.empty()) where = std::move(place);
  return std::move(*this);
}

std::string Error::text() const {
  std::string out = where.empty() ? message : where + ": " + message;
  for (const std::string& note : notes) {
    out += "\n  ";
    for (const char c : note) {
      out += c;
      if (c == '\n') out += "  ";  // a note of several lines keeps its indentation
    }
  }
  return out;
}

void Diagnostics::add(std::string where, std::string message) {
  ++total_;
  if (kept_.size() < kKept) kept_.push_back(Error{ErrorCode::kInternal, std::move(message), {}, std::move(where)});
}

Error Diagnostics::to_error(ErrorCode code) const {
  GIMBAL_CHECK(!empty(), "to_error of a Diagnostics without errors");
  Error error = kept_.front();
  error.code = code;
  for (std::size_t i = 1; i < kept_.size(); ++i) error.notes.push_back(kept_[i].text());
  if (total_ > kept_.size()) error.notes.push_back(fmt::format("... and {} more", total_ - kept_.size()));
  return error;
}

}  // namespace gimbal
