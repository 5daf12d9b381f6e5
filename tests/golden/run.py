#!/usr/bin/env python3
"""Golden transcripts: runs the command lines of tests/golden/<component>/*.txt and compares what they print.

usage: tests/golden/run.py [--gimbal PATH] [--update] [FILE...]     without FILE: all of them
       GIMBAL_GOLDEN_UPDATE=1 is --update: rewrites what differs; a person reads the diff

tests/golden/README.md says what a transcript looks like and which parts of the output are replaced before comparing.
Exit codes: 0 all equal, 1 some differ, 77 everything was skipped.
"""
import argparse
import dataclasses
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SKIPPED = 77

# What changes from run to run or machine to machine, and what stands for it. In this order.
VOLATILE = [
    (re.compile(r'"timing_ms":\{[^{}]*\}'), '"timing_ms":{}'),
    (re.compile(r'"gimbal":"[^"]*"'), '"gimbal":"VERSION"'),
    (re.compile(r'"version":"\d+\.\d+\.\d+"'), '"version":"VERSION"'),
    (re.compile(r"\bgimbal \d+\.\d+\.\d+\b"), "gimbal VERSION"),
    (re.compile(r'(\bcommit |"commit":")(?:[0-9a-f]{12}(?:-dirty)?|unknown)\b'), r"\1COMMIT"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"-\d{8}-\d{6}(-\d+)?\b"), "-STAMP"),
    (re.compile(r'"((?:[a-z]+_)*(?:time|duration|elapsed|read|compute|total)_(?:s|ms)|seconds|per_s)":[-+.0-9e]+'), r'"\1":0'),
    (re.compile(r" *\b(?:\d+ h )?(?:\d+ min )?\d+(?:\.\d+)? (?:ms|s|min|h)\b"), " DURATION"),
    (re.compile(r'"pid":\d+'), '"pid":PID'),
    (re.compile(r"/tmp/gimbal-[A-Za-z0-9]+"), "TMP"),
]

# Other versions of the C library's mathematics differ in the last bits of a double; a summary of many of them may lose a few more.
RELATIVE = 1e-9
ABSOLUTE = 1e-12
FLOAT = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.])")


@dataclasses.dataclass
class Step:
    command: str
    output: list  # lines
    exit: int


@dataclasses.dataclass
class Transcript:
    path: pathlib.Path
    head: list  # comment lines at the top
    steps: list

    def text(self) -> str:
        out = list(self.head)
        for step in self.steps:
            out.append("$ " + step.command.replace("\n", "\n> "))
            out += step.output
            if step.exit != 0:
                out.append(f"[exit {step.exit}]")
        return "\n".join(out) + "\n"


def shown(path: pathlib.Path) -> str:
    return str(path.relative_to(ROOT) if ROOT in path.parents else path)


def parse(path: pathlib.Path) -> Transcript:
    transcript = Transcript(path, [], [])
    for number, line in enumerate(path.read_text().split("\n")[:-1], 1):
        last = transcript.steps[-1] if transcript.steps else None
        if line.startswith("$ "):
            transcript.steps.append(Step(line[2:], [], 0))
        elif last is None:
            if line and not line.startswith("#"):
                sys.exit(f"{path}:{number}: expected a comment (#) or a command ($) at the top, found {line!r}")
            transcript.head.append(line)
        elif line.startswith("> ") and not last.output:
            last.command += "\n" + line[2:]
        elif match := re.fullmatch(r"\[exit (\d+)\]", line):
            last.exit = int(match[1])
        else:
            last.output.append(line)
    if not transcript.steps:
        sys.exit(f"{path}: no command in it")
    return transcript


def has_full_sandbox(gimbal: pathlib.Path) -> bool:
    check = [gimbal, "sandbox", "check", "--sandbox", "full", "--quiet"]
    return subprocess.run(check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def missing_need(head: list, gimbal: pathlib.Path) -> str:
    """`# needs: policy/hillstrom.csv.gz`, `# needs: program:bash` or `# needs: sandbox:full`: what is not there, or ""."""
    shared = pathlib.Path(os.environ.get("GIMBAL_SHARED", ROOT.parent / "shared"))
    for line in head:
        if match := re.match(r"# needs: (\S+)", line):
            need = match[1]
            if need.startswith("program:"):
                if not shutil.which(need.removeprefix("program:")):
                    return need.removeprefix("program:")
            elif need == "sandbox:full":
                if not has_full_sandbox(gimbal):
                    return "a sandbox with all its layers (gimbal sandbox check)"
            elif not (ROOT / "data" / need).exists() and not (shared / "data" / need).exists():
                return f"{need} (reference data, not in the repository)"
    return ""


def make_scratch(gimbal: pathlib.Path) -> tuple:
    """A fresh folder to work in, and the environment of its commands."""
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="golden-"))
    work = scratch / "work"
    (scratch / "bin").mkdir()
    (scratch / "home").mkdir()
    work.mkdir()
    (scratch / "bin" / "gimbal").symlink_to(gimbal.resolve())
    (work / "data").symlink_to(ROOT / "data")
    for folder in ("examples", "recipes"):  # copies: a command may write beside its input
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, work / folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GIMBAL_", "XDG_", "LC_"))}
    environment |= {
        "PATH": f"{scratch / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "HOME": str(scratch / "home"),
        "GIMBAL_SHARED": os.path.abspath(os.environ.get("GIMBAL_SHARED", ROOT.parent / "shared")),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "NO_COLOR": "1",
    }
    return scratch, work, environment


def normalise(text: str, scratch: pathlib.Path) -> str:
    text = text.replace(str(scratch / "work"), "WORK").replace(str(scratch), "SCRATCH")
    for pattern, replacement in VOLATILE:
        text = pattern.sub(replacement, text)
    return text


def run_command(command: str, work: pathlib.Path, environment: dict, timeout_s: float = 100) -> tuple:
    """(standard output and standard error as they came, exit code)."""
    try:
        done = subprocess.run(["bash", "-c", command], cwd=work, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s)
        return done.stdout.decode("utf-8", "backslashreplace"), done.returncode
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode("utf-8", "backslashreplace") + f"\n[no end after {timeout_s} s]\n", 124


def as_lines(text: str) -> list:
    return text.split("\n")[:-1] if text.endswith("\n") else (text + "[no newline]").split("\n") if text else []


def same_line(expected: str, found: str) -> bool:
    if expected == found:
        return True
    if FLOAT.sub("#", expected) != FLOAT.sub("#", found):
        return False
    for a, b in zip(FLOAT.findall(expected), FLOAT.findall(found)):
        if a == b:
            continue
        if "." not in a + b and "e" not in a + b:  # integers are exact
            return False
        if abs(float(a) - float(b)) > max(ABSOLUTE, RELATIVE * max(abs(float(a)), abs(float(b)))):
            return False
    return True


def same_lines(expected: list, found: list) -> bool:
    return len(expected) == len(found) and all(map(same_line, expected, found))


def check(transcript: Transcript, gimbal: pathlib.Path, update: bool) -> bool:
    scratch, work, environment = make_scratch(gimbal)
    equal = True
    try:
        for step in transcript.steps:
            text, code = run_command(step.command, work, environment)
            found = as_lines(normalise(text, scratch))
            if code == step.exit and same_lines(step.output, found):
                continue
            equal = False
            if not update:
                before = step.output + [f"[exit {step.exit}]"]
                after = found + [f"[exit {code}]"]
                print(f"{shown(transcript.path)}: $ {step.command}")
                print("\n".join(difflib.unified_diff(before, after, "expected", "found", lineterm="", n=2)))
            step.output, step.exit = found, code
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not equal and update:
        transcript.path.write_text(transcript.text())
        print(f"rewrote {shown(transcript.path)}")
    return equal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--gimbal", type=pathlib.Path, default=ROOT / "build" / "gimbal")
    parser.add_argument("--update", action="store_true", default=bool(os.environ.get("GIMBAL_GOLDEN_UPDATE")))
    arguments = parser.parse_args()
    if not arguments.gimbal.is_file():
        sys.exit(f"{arguments.gimbal}: no such program; build it, or give --gimbal PATH")
    files = arguments.files or sorted(ROOT.glob("tests/golden/*/*.txt"))
    ran = failed = 0
    for file in files:
        transcript = parse(file.resolve())
        if need := missing_need(transcript.head, arguments.gimbal):
            print(f"skipped: {file.name} needs {need}")
            continue
        ran += 1
        if not check(transcript, arguments.gimbal, arguments.update) and not arguments.update:
            failed += 1
    if failed:
        print("if the new output is right: make golden-update, and read the diff")
    return 1 if failed else 0 if ran else SKIPPED


if __name__ == "__main__":
    sys.exit(main())
