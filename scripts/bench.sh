#!/usr/bin/env bash
# Builds and runs every benchmark program; results as JSON under build/bench/. Arguments go to each program, for example
# --benchmark_filter=Path.
set -euo pipefail
cd "$(dirname "$0")/.."
targets=$(ninja -C build -t targets all | sed -n 's/^\([a-z_]*_bench\): phony$/\1/p')
# shellcheck disable=SC2086
ninja -C build --quiet $targets
mkdir -p build/bench
for target in $targets; do
  echo "== $target"
  "build/$target" --benchmark_out="build/bench/$target.json" --benchmark_out_format=json "$@"
done
