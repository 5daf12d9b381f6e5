#!/usr/bin/env bash
# Only three in ten can have the large voucher: what does the limit cost, and what would one more be worth?
#
# A shared constraint couples all people. Its shadow price says how much improvement per person is lost for each unit by which the
# constraint is tightened; it is the number to compare with what more capacity would cost.
#
# usage: examples/policy/capacity.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

halves "$data/thornton_hiv.csv" train.csv test.csv

say "Models of the result for each voucher"
run gimbal policy fit train.csv --outcome got --action incentive --arms "none,up to 100,over 100" --propensity shares \
  --features distance_km,age,hiv2004 --learner ols --variance arm --cluster village -o model.json

say "Without a limit nearly everyone gets the large voucher"
run gimbal policy choose model.json --population test.csv --select lambda:2 --curve plugin -o free.json

say "At most 30 % large vouchers: the shadow price is what one more per person would bring"
run gimbal policy choose model.json --population test.csv --select lambda:2 --curve plugin --capacity "over 100=0.3" -o limited.json

say "What one more large voucher brings, when 10, 30 or 50 % may have it"
printf '%-10s %12s %14s\n' capacity improvement "shadow price"
for share in 0.1 0.3 0.5; do
  gimbal policy choose model.json --population test.csv --select lambda:2 --curve plugin --capacity "over 100=$share" --json > at.json
  printf '%-10s %12.4f %14.4f\n' "$share" "$(grep -o '"tau":[^,]*' at.json | cut -d: -f2)" \
    "$(grep -o '"shadow_prices":{[^}]*' at.json | grep -o '[0-9.e-]*$')"
done

say "Both policies, and their difference, on people whom the models have not seen"
run gimbal policy evaluate free.json limited.json test.csv --contrast
