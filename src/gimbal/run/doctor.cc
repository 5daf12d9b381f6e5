#include "gimbal/run/doctor.h"

namespace gimbal::run {

std::string_view doctor_state_name(DoctorState state) {
  switch (state) {
    case DoctorState::kOk:
      return "ok";
    case DoctorState::kWarn:
      return "warn";
    case DoctorState::kFail:
      return "fail";
  }
  return "";
}

}  // namespace gimbal::run
