#!/usr/bin/env bash
# A promise that the test does not confirm, and how to see it coming.
#
# 1,410 rice farmers in China were offered crop insurance in two ways: one where buying was the default, one where it was not (Cai,
# de Janvry, Sadoulet 2015; data/policy/SOURCE.md). Who should get which offer so that most take it up?
#
# usage: examples/policy/overpromise.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

# Farmers of one village hear from each other: villages (the column address) are split and kept as clusters.
awk -F, 'NR == 1 { print > "train.csv"; print > "test.csv"; next }
         !($1 in number) { number[$1] = count++ }
         { print > (number[$1] % 2 == 0 ? "train.csv" : "test.csv") }' "$data/social_insure.csv"
offers=(--outcome takeup_survey --action default --propensity shares --cluster address
        --features disaster_prob,risk_averse,pre_takeup_rate,intensive --learner ols --variance arm)

say "Models fitted and judged on the same rows (--folds 1): the frontier promises a gain that looks easy to prove"
run gimbal policy fit train.csv "${offers[@]}" --folds 1 -o naive.json
run gimbal policy choose naive.json --population test.csv --select max-tau --score ipw -o naive_policy.json

say "The test does not confirm it: four estimates of the same improvement"
run gimbal policy evaluate naive_policy.json test.csv --score dr

say "Worse, one of them would have looked like a success if the villages had been forgotten"
run gimbal policy evaluate naive_policy.json test.csv --score ipw --cluster none

say "The honest curve sees it before a single test outcome is spent: models judged on rows that they have not seen"
run gimbal policy fit train.csv "${offers[@]}" -o model.json
run gimbal policy frontier model.json --population test.csv -o frontier.json --svg frontier.svg

say "So the rule that asks for 80 % power refuses (exit code 3) instead of handing out a policy"
run gimbal policy choose frontier.json --select power:0.8 -o policy.json || echo "(exit code $?)"
