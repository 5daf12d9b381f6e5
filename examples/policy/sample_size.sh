#!/usr/bin/env bash
# How large must the test be? Power against test size, for several points of a frontier.
#
# The bolder the policy, the larger its gain and the larger the test that can show it. Going half-way does not help: mixing a policy
# with the baseline shrinks gain and noise alike.
#
# usage: examples/policy/sample_size.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

halves "$data/thornton_hiv.csv" train.csv test.csv

say "A pilot study of 1,413 people: models, and the frontier for a test of 60"
run gimbal policy fit train.csv --outcome got --action incentive --arms "none,up to 100,over 100" --propensity shares \
  --features distance_km,age,hiv2004 --cluster village -o model.json
run gimbal policy frontier model.json --population test.csv --n-test 60 -o frontier.json

say "Units that the test needs, and the power of tests from 20 to 400 people"
run gimbal policy power frontier.json --n 20:400 --svg power.svg

say "The same for a stricter demand: 90 % power"
run gimbal policy power frontier.json --n 50,100,150,200 --power 0.9 --at max-z --at max-tau

say "A test of 20 people cannot have 80 % power for any policy: choose says so (exit code 3) and names the size that could"
run gimbal policy choose model.json --population test.csv --n-test 20 --select power:0.8 -o policy.json || echo "(exit code $?)"

say "Chart: $out/power.svg"
