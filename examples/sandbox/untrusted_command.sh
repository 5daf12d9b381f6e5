#!/usr/bin/env bash
# A command that nobody has read: what it sees, what it may use, what comes back.
#
# usage: examples/sandbox/untrusted_command.sh [FOLDER]
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"
cd "$out"

say "It sees the system's programs, an empty folder, and nothing of yours"
export SECRET=of-yours
run gimbal sandbox run -q -- sh -c 'pwd; ls -A; env | grep SECRET || echo "no secret"; cat /etc/shadow' < /dev/null

say "A filter: input in, output out"
printf '3\n1\n2\n' > numbers.txt
run gimbal sandbox run -q --stdin numbers.txt -- sort -n

say "Files go in by name, and come out by name"
run gimbal sandbox run -q --copy-in numbers.txt --copy-out '*.txt:results' -- sh -c 'sort -n numbers.txt > sorted.txt' < /dev/null
run cat results/sorted.txt

say "A limit ends it (exit code 5), and the verdict says which"
run gimbal sandbox run --cpu-ms 200 -- sh -c 'while :; do :; done' < /dev/null 2>&1 | sed 's/, [0-9.]* ms.*//'
