#include "gimbal/net/curl_library.h"

#include <dlfcn.h>

namespace gimbal::net {

template <typename Function>
void CurlLibrary::find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, name));
  if (!function && problem.empty()) problem = fmt::format("it has no function {}", name);
}

CurlLibrary::CurlLibrary() {
  void* handle = nullptr;
  for (const char* name : {"libcurl.so.4", "libcurl-gnutls.so.4", "libcurl.so"}) {
    handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle) break;
  }
  if (!handle) {
    const char* why = dlerror();
    problem = why ? why : "it was not found";
    return;
  }
  find(handle, "curl_global_init", global_init);
  find(handle, "curl_version", version);
  find(handle, "curl_easy_init", easy_init);
  find(handle, "curl_easy_cleanup", easy_cleanup);
  find(handle, "curl_easy_setopt", easy_setopt);
  find(handle, "curl_easy_getinfo", easy_getinfo);
  find(handle, "curl_easy_strerror", easy_strerror);
  find(handle, "curl_slist_append", slist_append);
  find(handle, "curl_slist_free_all", slist_free_all);
  find(handle, "curl_multi_init", multi_init);
  find(handle, "curl_multi_cleanup", multi_cleanup);
  find(handle, "curl_multi_add_handle", multi_add_handle);
  find(handle, "curl_multi_remove_handle", multi_remove_handle);
  find(handle, "curl_multi_perform", multi_perform);
  find(handle, "curl_multi_poll", multi_poll);
  find(handle, "curl_multi_wakeup", multi_wakeup);
  find(handle, "curl_multi_info_read", multi_info_read);
  if (problem.empty() && global_init(CURL_GLOBAL_DEFAULT) != 0) problem = "it could not be initialized";
}

const CurlLibrary& curl() {
  static const CurlLibrary loaded;
  return loaded;
}

Result<void> require_curl() {
  if (curl().problem.empty()) return {};
  return fail(ErrorCode::kUnavailable,
              "requests over HTTP need libcurl, which could not be loaded ({}): install the package libcurl4", curl().problem);
}

}  // namespace gimbal::net
