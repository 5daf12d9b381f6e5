#include "gimbal/cli/command_common.h"

namespace gimbal::cli {

Command common_options(CommonFlags* flags) {
  Command common("", "");
  common.flag("--json", &flags->json).help("print one JSON document instead of the summary");
  common.flag("-q, --quiet", &flags->quiet).help("nothing on stderr but errors");
  common.flag("-v, --verbose", &flags->verbose).help("log what is done, on stderr");
  common.option("--config", &flags->config).value("FILE").file().help("read options from a TOML file");
  common.option("--seed", &flags->seed).value("N").help("seed of every random draw");
  // More threads than this would only cost memory: no machine that the program knows has as many.
  common.option("--threads", &flags->threads)
      .value("N")
      .min(0)
      .max(4096)
      .help("threads, 0 for all; results do not depend on it");
  common.flag("-h, --help", &flags->help).help("print this page");
  return common;
}

}  // namespace gimbal::cli
