#!/usr/bin/env python3
"""Runs the snippets of README.md and docs/*.md, so that documentation cannot rot.

usage: scripts/check_docs.py [--gimbal PATH] [FILE...]

The info word of a fenced block says what it is:

  ```sh        is run by `bash -e`; must end with exit code 0
  ```console   lines that begin with "$ " are run one by one; the lines behind each are what it prints (standard output and
               standard error), compared as golden transcripts are; a line "..." stands for any lines. "[exit N]" as there.
  ```text      (or any other word, or `sh no-run`) is not run

The blocks of a file run in order in one fresh folder that holds data/ (a link) and copies of examples/ and recipes/, with the
program on PATH as `gimbal`. Set-up commands (make, git clone) belong into text blocks.
"""
import argparse
import dataclasses
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "golden"))
import run as golden  # noqa: E402


@dataclasses.dataclass
class Block:
    line: int
    kind: str
    text: str


def blocks_of(path: pathlib.Path) -> list:
    blocks = []
    fence = None
    for number, line in enumerate(path.read_text().split("\n"), 1):
        match = re.match(r"^(`{3,}|~{3,})\s*(.*)$", line)
        if fence is None and match:
            fence = match[1]
            blocks.append(Block(number, match[2].strip(), ""))
        elif fence is not None and match and match[1].startswith(fence) and not match[2]:
            fence = None
        elif fence is not None:
            blocks[-1].text += line + "\n"
    if fence is not None:
        sys.exit(f"{path}:{blocks[-1].line}: this block does not end")
    return [block for block in blocks if block.kind in ("sh", "console")]


def matches(expected: list, found: list) -> bool:
    """As golden lines are compared; "..." stands for any number of lines."""
    if not expected:
        return not found
    if expected[0] == "...":
        return any(matches(expected[1:], found[i:]) for i in range(len(found) + 1))
    return bool(found) and golden.same_line(expected[0], found[0]) and matches(expected[1:], found[1:])


def steps_of(block: Block) -> list:
    if block.kind == "sh":
        return [golden.Step("set -eo pipefail\n" + block.text, ["..."], 0)]
    steps = []
    for line in block.text.split("\n")[:-1]:
        if line.startswith("$ "):
            steps.append(golden.Step(line[2:], [], 0))
        elif not steps:
            sys.exit(f"line {block.line + 1}: a console block begins with \"$ \", found {line!r}")
        elif line.startswith("> ") and not steps[-1].output:
            steps[-1].command += "\n" + line[2:]
        elif match := re.fullmatch(r"\[exit (\d+)\]", line):
            steps[-1].exit = int(match[1])
        else:
            steps[-1].output.append(line)
    return steps


def check(path: pathlib.Path, gimbal: pathlib.Path) -> tuple:
    """(snippets run, failures)."""
    blocks = blocks_of(path)
    if not blocks:
        return 0, 0
    name = golden.shown(path)
    failures = 0
    scratch, work, environment = golden.make_scratch(gimbal)
    try:
        for block in blocks:
            for step in steps_of(block):
                text, code = golden.run_command(step.command, work, environment, timeout_s=250)
                found = golden.as_lines(golden.normalise(text, scratch))
                expected = golden.as_lines(golden.normalise("\n".join(step.output + [""]), scratch))
                if code == step.exit and matches(expected, found):
                    continue
                failures += 1
                print(f"{name}:{block.line}: exit code {code}, expected {step.exit}\n--- command\n{step.command}\n--- it printed\n"
                      + "\n".join(found))
                if block.kind == "console":
                    print("--- the document says\n" + "\n".join(expected))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return len(blocks), failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--gimbal", type=pathlib.Path, default=ROOT / "build" / "gimbal")
    arguments = parser.parse_args()
    if not arguments.gimbal.is_file():
        sys.exit(f"{arguments.gimbal}: no such program; build it, or give --gimbal PATH")
    files = arguments.files or [p for p in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if p.exists()]
    ran = failed = 0
    for file in files:
        blocks, failures = check(file.resolve(), arguments.gimbal)
        ran += blocks
        failed += failures
    print(f"{ran} snippets of {len(files)} documents run, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
