// XGBoost's shared library: found and loaded when it is first needed, never linked (linking costs every start 2.3 ms).
//
// Only for .cc files that are compiled with GIMBAL_HAVE_XGBOOST: this header includes XGBoost's own.
#pragma once

#include <xgboost/c_api.h>

#include <string>

#include "gimbal/base/result.h"

namespace gimbal::learn {

// The functions of XGBoost's C API that are used, looked up in the shared library.
struct XgboostLibrary {
  decltype(&XGBGetLastError) last_error = nullptr;
  decltype(&XGBoostVersion) version = nullptr;
  decltype(&XGDMatrixCreateFromMat_omp) matrix_create = nullptr;
  decltype(&XGDMatrixSetFloatInfo) matrix_set = nullptr;
  decltype(&XGDMatrixFree) matrix_free = nullptr;
  decltype(&XGBoosterCreate) create = nullptr;
  decltype(&XGBoosterFree) free = nullptr;
  decltype(&XGBoosterSetParam) set_param = nullptr;
  decltype(&XGBoosterUpdateOneIter) update = nullptr;
  decltype(&XGBoosterPredictFromDMatrix) predict = nullptr;
  decltype(&XGBoosterSaveModelToBuffer) save = nullptr;
  decltype(&XGBoosterLoadModelFromBuffer) load = nullptr;
  decltype(&XGBoosterBoostedRounds) rounds = nullptr;
  decltype(&XGBoosterGetNumFeature) features = nullptr;
  std::string problem;  // why it could not be loaded; empty when it was

  XgboostLibrary();

 private:
  template <typename Function>
  void find(void* handle, const char* name, Function& function);
};

// Loaded at the first call and kept: the library starts threads of its own and must not be unloaded. Thread-safe.
const XgboostLibrary& xgboost();
// Errors: unavailable, naming the package libxgboost-dev.
Result<void> require_xgboost();
// The status of a call as a Result: internal with "XGBoost could not <what>: " and the first line of its message.
Result<void> check_xgboost(int status, const char* what);

}  // namespace gimbal::learn
