// The step of `gimbal tour` that shows `diversity`: forty programs for each of four problems, as they are and with tokens
// changed at random, which stands for a model that is sampled at a higher temperature. The wording becomes ever more diverse;
// what is usable becomes less. Every program is run in the sandbox; seed and problems are fixed, so the headline is one number.
// generations.jsonl and records.jsonl stay in the step's folder for the commands in the report.
#pragma once

#include <vector>

#include "gimbal/run/tour.h"

namespace gimbal::cli {

std::vector<run::TourStep> diversity_tour_steps();

}  // namespace gimbal::cli
