#!/usr/bin/env bash
# Logs of a recommender: what would another policy have clicked?
#
# 10,000 recommendations of 34 items, made by Thompson sampling, each with the click and the probability (propensity_score) with
# which the shown item was drawn (Open Bandit Dataset; data/policy/SOURCE.md). The probabilities of the items that were not shown are
# not logged; `evaluate --pscore` needs only those of the shown ones, and of the new policies.
#
# usage: examples/policy/bandit_logs.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

say "Two policies, learned from another log: any item alike, and the ten that were clicked most when items were shown at random"
gzip -cd "$data/open_bandit/men_random.csv.gz" > random.csv
gzip -cd "$data/open_bandit/men_bts.csv.gz" > thompson.csv
run head -3 random.csv
awk -F, 'NR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; next } { clicks[$at["item_id"]] += $at["click"] }
     END { for (item in clicks) print clicks[item], item }' random.csv | sort -k1,1nr -k2,2n | sed -n 1,10p | cut -d' ' -f2 > popular.txt

# Each policy becomes a column with its probability of the item that was shown.
awk -F, -v OFS=, 'FNR == NR { popular[$1]; next }
    FNR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; print $0, "uniform", "popular"; next }
    { print $0, 1 / 34, ($at["item_id"] in popular) ? 0.1 : 0 }' popular.txt thompson.csv > log.csv
run head -2 log.csv

say "Their click rates against that of the policy that ran, self-normalized"
# Tiny propensities make some weights huge: the warning says how few rows decide the estimate.
run gimbal policy evaluate log.csv --outcome click --action item_id --pscore propensity_score \
  --policy-columns uniform,popular --score snips --contrast

say "A uniform policy did run: its log says how close the estimate came"
awk -F, 'NR == 1 { for (c = 1; c <= NF; c++) at[$c] = c; next } { clicks += $at["click"]; n++ }
         END { printf "%d clicks in %d: %.4f\n", clicks, n, clicks / n }' random.csv
run gimbal policy evaluate log.csv --outcome click --action item_id --pscore propensity_score --policy-columns uniform \
  --score snips --json | grep -o '"value":{[^}]*}'

say "With --strict such an estimate is refused (exit code 3)"
run gimbal policy evaluate log.csv --outcome click --action item_id --pscore propensity_score --policy-columns uniform --strict ||
  echo "(exit code $?)"
