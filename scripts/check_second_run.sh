#!/usr/bin/env bash
# A second `make build` that finds everything in place must cost under two seconds before it gets to work.
set -euo pipefail
start=$(date +%s%N)
make --no-print-directory build
elapsed_ms=$((($(date +%s%N) - start) / 1000000))
echo "make build with everything in place: $elapsed_ms ms"
if [ "$elapsed_ms" -ge 2000 ]; then
  # A shared machine may stall once; the second measurement decides.
  start=$(date +%s%N)
  make --no-print-directory build
  elapsed_ms=$((($(date +%s%N) - start) / 1000000))
  echo "again: $elapsed_ms ms"
fi
[ "$elapsed_ms" -lt 2000 ]
