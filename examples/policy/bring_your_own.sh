#!/usr/bin/env bash
# Any model will do: a frontier from predictions that were made elsewhere.
#
# A nuisance table (docs/formats/nuisances.md) holds, for each unit and arm, the probability e_ARM with which the arm was given, the
# predicted outcome mu_ARM and its mean squared error var_ARM. With the outcome y and the given arm a beside them, and predictions
# that have not seen the row (out-of-fold), the honest curve is there too. The "model" here is a table of means by age, in awk.
#
# usage: examples/policy/bring_your_own.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

halves "$data/thornton_hiv.csv" train.csv test.csv

# predict FITTED_ON NEW: means of `got` by voucher and age group, and each voucher's variance around them, learned from the rows of
# one file and written for the rows of the other. Columns of the data: 1 id, 2 village, 4 age, 8 incentive, 10 got.
predict() {
  awk -F, -v OFS=, '
    function group(age) { return age < 25 ? 0 : age < 40 ? 1 : 2 }
    BEGIN { arms = split("none,up to 100,over 100", arm, ",") }
    FNR == 1 { ++file; if (file == 2) header(); next }
    file == 1 { n[$8]++; all++; k = $8 SUBSEP group($4); count[k]++; sum[k] += $10; next }
    { line = $1 OFS $2
      for (a = 1; a <= arms; a++) line = line OFS n[arm[a]] / all
      for (a = 1; a <= arms; a++) line = line OFS mean(a, $4)
      for (a = 1; a <= arms; a++) line = line OFS mean(a, $4) * (1 - mean(a, $4))
      print line, $8, $10 }
    function mean(a, age,   k) { k = arm[a] SUBSEP group(age); return (sum[k] + 1) / (count[k] + 2) }
    function header(   names, a) {
      names = "id" OFS "village"
      for (a = 1; a <= arms; a++) names = names OFS "e_" arm[a]
      for (a = 1; a <= arms; a++) names = names OFS "mu_" arm[a]
      for (a = 1; a <= arms; a++) names = names OFS "var_" arm[a]
      print names, "a", "y" }' "$1" "$2"
}

say "Out-of-fold predictions for the training rows: each half is predicted by the other half's means"
awk -F, 'NR == 1 { print > "a.csv"; print > "b.csv"; next } { print > (NR % 2 ? "a.csv" : "b.csv") }' train.csv
{ predict b.csv a.csv; predict a.csv b.csv | tail -n +2; } > nuisances.csv
predict train.csv test.csv > test_nuisances.csv
run head -3 nuisances.csv

say "The frontier for the people of the test, honest on the training rows"
run gimbal policy frontier --nuisances nuisances.csv --population test_nuisances.csv --cluster village --n-test 60 -o frontier.json
run gimbal policy choose frontier.json --select power:0.8 -o policy.json

say "A policy made from tables is applied to tables, and tested on tables"
run gimbal policy apply policy.json test_nuisances.csv --nuisances --probabilities -o probabilities.csv
run gimbal policy evaluate policy.json test_nuisances.csv
