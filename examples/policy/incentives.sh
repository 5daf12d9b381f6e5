#!/usr/bin/env bash
# Whom to offer money for coming back: the whole way from a trial to a tested policy.
#
# In rural Malawi 2,825 people who had been tested for HIV drew a cash voucher at random (nothing, a small one, a large one), to
# be paid when they came for their result (Thornton 2008; data/policy/SOURCE.md). The outcome `got` is 1 for those who came.
#
# usage: examples/policy/incentives.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# The draw was random and the same for everyone, so the logging probabilities are the observed shares. People of one village
# are not independent: the villages are the clusters. Without a policy nobody would get money: the baseline is "none".
trial=(--outcome got --action incentive --arms "none,up to 100,over 100" --propensity shares
       --features distance_km,age,hiv2004 --cluster village --baseline arm:none)

say "What is in the data"
run gimbal policy inspect "$data/thornton_hiv.csv" "${trial[@]}"

say "Everything at once: half of the villages to learn from, the other half to test on"
run gimbal policy run "$data/thornton_hiv.csv" "${trial[@]}" -o "$out/run"

say "The artifacts are files like any others: the same policy and the same test, by who tested positive in 2004"
# `evaluate` needs no column names: the policy carries them. The test villages are those that `run` held out.
run gimbal policy evaluate "$out/run/artifacts/policy.json" "$out/run/artifacts/test.csv.gz" --by hiv2004

say "New people get their probabilities and a drawn voucher"
# The outcome is not needed, and the same person always draws the same voucher.
printf 'village,distance_km,age,hiv2004\n1,0.4,19,0\n1,2.7,35,0\n2,4.1,58,1\n' > "$out/new.csv"
run gimbal policy apply "$out/run/artifacts/policy.json" "$out/new.csv" -o "$out/vouchers.csv"
run cat "$out/vouchers.csv"

say "Report with all charts: $out/run/report.html"
