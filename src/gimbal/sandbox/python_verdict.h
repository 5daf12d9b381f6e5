// From the evidence of one Python execution to its verdict: classify() with what the harness knows beyond the wait status.
//
// The hint of the untrusted process refines a failure and is not looked at otherwise: exit code 0 within the limits is the only
// way to `ok`.
#pragma once

#include "gimbal/sandbox/classify.h"
#include "gimbal/sandbox/types.h"
#include "gimbal/sandbox/zygote_protocol.h"

namespace gimbal::sandbox {

struct ExecutionEnd {
  MonitorKill killer = MonitorKill::kNone;
  int wait_status = 0;
  double cpu_ms = 0;  // of the tree
  ProgramHint hint;
  bool output_truncated = false;
};

Verdict judge(const ExecutionEnd& end, const Limits& limits);

}  // namespace gimbal::sandbox
