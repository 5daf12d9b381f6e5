// The groups of --by: the levels of a column, or the quarters of a number with many values.
#pragma once

#include <string>
#include <string_view>

#include "gimbal/base/result.h"
#include "gimbal/data/table.h"
#include "gimbal/policy/evaluate.h"

namespace gimbal::cli {

// Numbers by their value, then texts with the digits inside them read as numbers ("week 2" before "week 10"); "missing" last.
bool level_before(std::string_view a, std::string_view b);

// Units whose cell is empty are in no group. Errors: not_found, at --by.
Result<policy::Grouping> grouping(const data::DataTable& table, const std::string& name);

}  // namespace gimbal::cli
