// The step of `gimbal tour` that shows `policy`, and what `gimbal doctor` asks for it.
//
// The step: in rural Malawi people who had been tested for HIV drew a cash voucher, paid when they came for their result. Half
// of the rows (row index mod 4 in {0, 1}) fit the models; the policy is the largest improvement that a test of 60 people
// confirms with a probability of 80 %; the other half is the test, with villages as clusters. The split is fixed, so the
// headline is one number, whatever the seed. Everything goes through the functions that the verbs use; train.csv, test.csv,
// model.json and policy.json stay in the step's folder, so that the commands in the report can be run on them.
#pragma once

#include <vector>

#include "gimbal/run/doctor.h"
#include "gimbal/run/tour.h"

namespace gimbal::cli {

std::vector<run::TourStep> policy_tour_steps();
std::vector<run::DoctorCheck> policy_doctor_checks();

}  // namespace gimbal::cli
