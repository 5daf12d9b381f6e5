// What `gimbal doctor` asks: each component offers checks of what it needs from the machine.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace gimbal::run {

enum class DoctorState { kOk, kWarn, kFail };           // works; works with less; what needs it cannot work
std::string_view doctor_state_name(DoctorState state);  // "ok", "warn", "fail"

struct DoctorResult {
  DoctorState state = DoctorState::kOk;
  std::string detail;  // what was found: "2 cores, AMD EPYC"
  std::string fix;     // what to do about it, a command where there is one; empty when ok
};

struct DoctorCheck {
  std::string name;  // "memory", "xgboost"
  // Does not throw, changes nothing on the machine, and takes less than a second.
  std::function<DoctorResult()> run;
};

}  // namespace gimbal::run
