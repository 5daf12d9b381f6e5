// Configuration files: TOML with positions, read into a small tree of our own (toml++ inside one file).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gimbal/base/result.h"

namespace gimbal {

// A key's value as the texts that a flag would have been given: one for a scalar, several for an array. Booleans are "true"
// and "false", numbers are as they stand in the file.
struct TomlEntry {
  std::vector<std::string> values;
  bool is_array = false;
  std::string where;  // "gimbal.toml:3:1"
};

struct TomlTable {
  std::map<std::string, TomlEntry> entries;
  std::map<std::string, TomlTable> tables;
  std::string where;
};

// Errors: parse_error with "name:line:column".
Result<TomlTable> parse_toml(std::string_view text, std::string_view name);
Result<TomlTable> read_toml(const std::string& path);

}  // namespace gimbal
