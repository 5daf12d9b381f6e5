// Finds data files for tests: data/ of the repository first, then $GIMBAL_SHARED/data (default ../shared/data).
#pragma once

#include <string>

namespace gimbal::testing {

// The path of `name` ("policy/hillstrom.csv.gz"), or "" when it is nowhere.
std::string find_test_data(const std::string& name);

}  // namespace gimbal::testing

// Declares `var` as the path of a data file, or skips the test with one line.
#define GIMBAL_TEST_DATA(var, name)                                \
  const std::string var = ::gimbal::testing::find_test_data(name); \
  if (var.empty()) GTEST_SKIP() << "skipped: needs " << (name) << " (reference data, not in the repository)"
