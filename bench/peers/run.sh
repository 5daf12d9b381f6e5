#!/usr/bin/env bash
# Measures gimbal beside its peers: installs them (build/peers), builds the benches, runs one script after the other, and prints
# one table. Rows as JSON lines: build/bench/peers.jsonl. Arguments name scripts; without any, all run (about 15 minutes).
#
#     bench/peers/run.sh                      # or: make bench-peers
#     bench/peers/run.sh path_binary tree
set -euo pipefail
cd "$(dirname "$0")/../.."
bench/peers/setup.sh build/peers
ninja -C build --quiet gimbal policy_bench learn_bench data_bench
scripts=("$@")
[ $# -gt 0 ] || scripts=(path_binary path_multi evaluate ridge_crossfit hillstrom tree commands csv_read reward_math sandbox)
mkdir -p build/bench
: > build/bench/peers.jsonl
for script in "${scripts[@]}"; do
  echo "== $script" >&2
  # A script that cannot run must not hide the others' rows.
  build/peers/bin/python "bench/peers/$script.py" | tee -a build/bench/peers.jsonl ||
    echo "{\"work\": \"$script\", \"skipped\": \"the script failed, see above\"}" >> build/bench/peers.jsonl
done
build/peers/bin/python bench/peers/table.py build/bench/peers.jsonl
