#!/usr/bin/env bash
# Many generated programs on many inputs: one line of JSON a program, in the order given, whatever the programs do.
#
# usage: examples/sandbox/grade_programs.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

say "Five programs that should double a number"
cat > jobs.jsonl << 'END'
{"id":"right","program":"print(int(input()) * 2)","tests":[{"id":"small","stdin":"21\n"},{"id":"large","stdin":"4611686018427387904\n"}]}
{"id":"wrong","program":"print(int(input()) ** 2)","tests":[{"id":"small","stdin":"21\n"}]}
{"id":"broken","program":"print(int(input() * 2","tests":[{"id":"small","stdin":"21\n"}]}
{"id":"slow","program":"n = int(input())\nwhile True: n += 0","cpu_ms":300,"tests":[{"id":"small","stdin":"21\n"}]}
{"id":"hostile","program":"import socket\nsocket.create_connection(('example.org', 80))","tests":[{"id":"small","stdin":"21\n"}]}
END
run gimbal sandbox batch jobs.jsonl -q -o results.jsonl

say "How each of them ended"
sed -E 's/^\{"id":"([a-z]+)","status":"([a-z_]+)".*/\1: \2/' results.jsonl

say "What the first one printed"
head -n 1 results.jsonl | grep -o '"stdout":"[^"]*"'

say "The same without the fork server: a fresh interpreter in a fresh sandbox for every test"
run gimbal sandbox batch jobs.jsonl -q --isolation process -o fresh.jsonl
if diff <(sed -E 's/"(cpu|wall)_ms":[0-9.e-]+//g' results.jsonl) <(sed -E 's/"(cpu|wall)_ms":[0-9.e-]+//g' fresh.jsonl); then
  echo "the results are the same"
fi
