# Every library that Gimbal links, and the options that all of its targets share. Reasons: docs/dependencies.md.
include_guard()

find_program(GIMBAL_CCACHE ccache)
if(GIMBAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers hit the cache only with these settings (ccache manual, "Precompiled headers"); base_dir lets checkouts
  # in different folders share entries.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${GIMBAL_CCACHE})
endif()

add_library(gimbal_options INTERFACE)
target_include_directories(gimbal_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
# Contraction into fused multiply-adds would make results differ between processors.
target_compile_options(gimbal_options INTERFACE -Wall -Wextra -Wshadow -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(gimbal_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict -fpch-preprocess)
endif()
target_compile_definitions(gimbal_options INTERFACE GIMBAL_VERSION="${PROJECT_VERSION}")
if(GIMBAL_WERROR)
  target_compile_options(gimbal_options INTERFACE -Werror)
endif()
if(GIMBAL_SANITIZE)
  target_compile_options(gimbal_options INTERFACE -fsanitize=${GIMBAL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(gimbal_options INTERFACE -fsanitize=${GIMBAL_SANITIZE})
  if(GIMBAL_SANITIZE MATCHES "thread")
    # oneTBB is not built for ThreadSanitizer and reports dozens of races that are none: base/parallel.h stands on std::thread.
    target_compile_definitions(gimbal_options INTERFACE GIMBAL_PARALLEL_STD_THREAD)
  endif()
endif()
find_program(GIMBAL_MOLD mold)
if(GIMBAL_MOLD)
  target_link_options(gimbal_options INTERFACE -fuse-ld=mold)
endif()
# Only libraries that are used are loaded: start-up is part of the interface (`gimbal --version` under 10 ms).
target_link_options(gimbal_options INTERFACE -Wl,--as-needed)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(tl-expected REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.74 REQUIRED)
find_package(TBB REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(tomlplusplus REQUIRED)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(CURL REQUIRED libcurl)

# XGBoost's CMake package stops the configuration unless the program package is installed too: pkg-config serves. It is loaded
# when first needed (2.3 ms of start-up otherwise), so only its headers and its file name are used here.
if(NOT GIMBAL_XGBOOST STREQUAL OFF)
  pkg_check_modules(XGBOOST xgboost)
  if(NOT XGBOOST_FOUND)
    find_path(XGBOOST_INCLUDE_DIRS xgboost/c_api.h)
    if(XGBOOST_INCLUDE_DIRS)
      set(XGBOOST_FOUND TRUE)
    endif()
  endif()
  if(NOT XGBOOST_FOUND AND GIMBAL_XGBOOST STREQUAL ON)
    message(FATAL_ERROR "GIMBAL_XGBOOST=ON, but XGBoost's headers were not found: install libxgboost-dev")
  endif()
endif()
set(GIMBAL_HAVE_XGBOOST ${XGBOOST_FOUND})

if(GIMBAL_TESTS)
  find_package(GTest REQUIRED)
endif()
if(GIMBAL_BENCHES)
  find_package(benchmark REQUIRED)
endif()
