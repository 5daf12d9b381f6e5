#!/usr/bin/env bash
# Runs every fuzz target under libFuzzer: scripts/fuzz.sh [SECONDS_EACH]. Needs clang with its fuzzer runtime (clang, libclang-rt-*-dev).
# New inputs that reach new code are kept in build-fuzz/corpus/.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
clang=$(command -v clang++ || true)
if [ -z "$clang" ]; then
  echo "scripts/fuzz.sh: clang++ was not found; install the packages clang and libclang-rt-dev (the corpus replay in 'make test' needs neither)" >&2
  exit 4
fi
cmake -S . -B build-fuzz -G Ninja -DCMAKE_CXX_COMPILER="$clang" -DCMAKE_BUILD_TYPE=Debug -DGIMBAL_FUZZ=ON -DGIMBAL_BENCHES=OFF \
  -DGIMBAL_SANITIZE=address,undefined,fuzzer-no-link > /dev/null
targets=$(ninja -C build-fuzz -t targets all | sed -n 's/^\([a-z_]*_fuzz\): phony$/\1/p')
# shellcheck disable=SC2086
ninja -C build-fuzz --quiet $targets
for target in $targets; do
  name=${target%_fuzz}
  folder=tests/corpus/${name%%_*}/${name#*_}
  mkdir -p "build-fuzz/corpus/$name"
  echo "== $target"
  "build-fuzz/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 "build-fuzz/corpus/$name" "$folder"
done
