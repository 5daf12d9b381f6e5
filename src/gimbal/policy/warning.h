// The remark type of documents under its short name in this folder.
#pragma once

#include "gimbal/base/warning.h"

namespace gimbal::policy {

using gimbal::Warning;

}  // namespace gimbal::policy
