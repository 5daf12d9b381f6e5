// libcurl: found and loaded when it is first needed, never linked (it and what it brings cost every start 7 ms).
//
// Only for .cc files of this folder: this header includes libcurl's own.
#pragma once

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <string>

#include "gimbal/base/result.h"

namespace gimbal::net {

// The functions of libcurl that are used.
struct CurlLibrary {
  decltype(&curl_global_init) global_init = nullptr;
  decltype(&curl_version) version = nullptr;
  decltype(&curl_easy_init) easy_init = nullptr;
  decltype(&curl_easy_cleanup) easy_cleanup = nullptr;
  decltype(&curl_easy_setopt) easy_setopt = nullptr;
  decltype(&curl_easy_getinfo) easy_getinfo = nullptr;
  decltype(&curl_easy_strerror) easy_strerror = nullptr;
  decltype(&curl_slist_append) slist_append = nullptr;
  decltype(&curl_slist_free_all) slist_free_all = nullptr;
  decltype(&curl_multi_init) multi_init = nullptr;
  decltype(&curl_multi_cleanup) multi_cleanup = nullptr;
  decltype(&curl_multi_add_handle) multi_add_handle = nullptr;
  decltype(&curl_multi_remove_handle) multi_remove_handle = nullptr;
  decltype(&curl_multi_perform) multi_perform = nullptr;
  decltype(&curl_multi_poll) multi_poll = nullptr;
  decltype(&curl_multi_wakeup) multi_wakeup = nullptr;
  decltype(&curl_multi_info_read) multi_info_read = nullptr;
  std::string problem;  // why it could not be loaded; empty when it was

  CurlLibrary();

 private:
  template <typename Function>
  void find(void* handle, const char* name, Function& function);
};

// Loaded at the first call and kept. Thread-safe.
const CurlLibrary& curl();
// Errors: unavailable, naming the package libcurl4.
Result<void> require_curl();

}  // namespace gimbal::net
