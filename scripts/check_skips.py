#!/usr/bin/env python3
"""Compares the tests that skip with tests/expected_skips.txt, so that no test vanishes unnoticed.

usage: scripts/check_skips.py BUILD_FOLDER     (after ctest has run there)

A line of the list is a glob of CTest names. Tests that need the reference data may skip where it is absent; any other skip fails.
"""
import fnmatch
import pathlib
import re
import sys


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent
    log = root / sys.argv[1] / "Testing" / "Temporary" / "LastTest.log"
    allowed = [line.split("#")[0].strip() for line in (root / "tests" / "expected_skips.txt").read_text().splitlines()]
    allowed = [line for line in allowed if line]
    if not log.exists():
        print(f"{log} is missing: run the tests first")
        return 1
    text = log.read_text(errors="replace")
    skipped = []
    for block in re.split(r"\n-{50,}\n(?=\d+/\d+ Test)|(?=\n\d+/\d+ Test(?:ing)?: )", text):
        name = re.search(r"\d+/\d+ Test(?:ing)?: (\S.*)", block)
        if name and ("[  SKIPPED ]" in block or "Test Skipped" in block):
            skipped.append(name.group(1).strip())
    unexpected = [name for name in skipped if not any(fnmatch.fnmatchcase(name, glob) for glob in allowed)]
    for name in unexpected:
        print(f"unexpected skip: {name} (tests/expected_skips.txt lists the tests that may skip)")
    print(f"{len(skipped)} tests skipped, {len(unexpected)} of them unexpected")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
