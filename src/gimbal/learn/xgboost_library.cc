#ifdef GIMBAL_HAVE_XGBOOST

#include "gimbal/learn/xgboost_library.h"

#include <dlfcn.h>

#include <string_view>

namespace gimbal::learn {

template <typename Function>
void XgboostLibrary::find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (!function && problem.empty()) problem = fmt::format("it has no function {}", name);
}

XgboostLibrary::XgboostLibrary() {
  void* handle = nullptr;
  // Debian and Ubuntu name the library .so.0 for all releases so far; the plain name comes with the development package.
  for (const char* name : {"libxgboost.so.0", "libxgboost.so", "libxgboost.so.1", "libxgboost.so.2"}) {
    handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle) break;
  }
  if (!handle) {
    const char* why = dlerror();
    problem = why ? why : "it was not found";
    return;
  }
  find(handle, "XGBGetLastError", last_error);
  find(handle, "XGBoostVersion", version);
  find(handle, "XGDMatrixCreateFromMat_omp", matrix_create);
  find(handle, "XGDMatrixSetFloatInfo", matrix_set);
  find(handle, "XGDMatrixFree", matrix_free);
  find(handle, "XGBoosterCreate", create);
  find(handle, "XGBoosterFree", free);
  find(handle, "XGBoosterSetParam", set_param);
  find(handle, "XGBoosterUpdateOneIter", update);
  find(handle, "XGBoosterPredictFromDMatrix", predict);
  find(handle, "XGBoosterSaveModelToBuffer", save);
  find(handle, "XGBoosterLoadModelFromBuffer", load);
  find(handle, "XGBoosterBoostedRounds", rounds);
  find(handle, "XGBoosterGetNumFeature", features);
}

const XgboostLibrary& xgboost() {
  static const XgboostLibrary loaded;
  return loaded;
}

Result<void> require_xgboost() {
  if (xgboost().problem.empty()) return {};
  return fail(ErrorCode::kUnavailable,
              "gradient-boosted trees need XGBoost, which could not be loaded ({}): install the package libxgboost-dev",
              xgboost().problem);
}

Result<void> check_xgboost(int status, const char* what) {
  if (status == 0) return {};
  std::string_view message = xgboost().last_error();
  return fail(ErrorCode::kInternal, "XGBoost could not {}: {}", what, message.substr(0, message.find('\n')));
}

}  // namespace gimbal::learn

#endif
