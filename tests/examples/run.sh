#!/usr/bin/env bash
# Runs one example as a user would, with the built program in PATH, and removes what it wrote.
# usage: tests/examples/run.sh GIMBAL SCRIPT
set -euo pipefail
PATH="$(cd -- "$(dirname -- "$1")" && pwd):$PATH"
script=$(cd -- "$(dirname -- "$2")" && pwd)/$(basename -- "$2")
folder=$(mktemp -d "${TMPDIR:-/tmp}/gimbal-example-test-XXXXXX")
trap 'rm -rf -- "$folder"' EXIT
mkdir "$folder/elsewhere"
cd "$folder/elsewhere"  # an example runs from any folder
bash "$script" "$folder/results"
left=$(ls -A "$folder/elsewhere")
if [[ -n "$left" ]]; then
  echo "the example wrote into the folder that it was started in: $left" >&2
  exit 1
fi
