"""Judging mathematical answers: math-verify against `gimbal reward`, on the answers of MATH, each changed in three ways.

The three changes: another spelling, one digit more, another sign. Prints the row with the speeds and the agreement; with --disagreements
also every pair on which the two differ.
"""

import json
import re
import subprocess
import sys
import tempfile
import time

from support import GIMBAL, SHARED, row, skip

import gzip
import pathlib

WORK = "math answers judged (MATH, 3 changes each)"


def respelled(answer):
    """The same value: other commands, other blanks."""
    text = answer.replace("\\dfrac", "\\frac").replace("\\frac", "\\tfrac").replace("\\left", "").replace("\\right", "")
    return text.replace(" ", "") if "\\text" not in text and "\\mbox" not in text and not re.search(r"\\[a-z]+ [a-z]", text) else text


def other_digit(answer):
    """The last digit one larger (9 becomes 0); words get a letter more."""
    digits = list(re.finditer(r"\d", answer))
    if not digits:
        return answer.rstrip("})") + "s" + answer[len(answer.rstrip("})")) :]
    at = digits[-1].start()
    return answer[:at] + str((int(answer[at]) + 1) % 10) + answer[at + 1 :]


def other_sign(answer):
    return answer[1:] if answer.startswith("-") else "-" + answer


def main():
    path = SHARED / "data" / "reward" / "math500-400.jsonl.gz"
    if not path.exists():
        skip(WORK, f"needs {path.name} (reference data)")
        return
    try:
        import math_verify
    except ImportError:
        skip(WORK, "needs PyPI math-verify")
        return
    with gzip.open(path, "rt") as file:
        answers = [json.loads(line)["answer"] for line in file]
    pairs = [(change(answer), answer) for answer in answers for change in (respelled, other_digit, other_sign)]
    with tempfile.TemporaryDirectory() as folder:
        asked, told = pathlib.Path(folder, "asked.jsonl"), pathlib.Path(folder, "told.jsonl")
        lines = [json.dumps({"id": str(i), "completion": f"\\boxed{{{p}}}", "answer": g}) for i, (p, g) in enumerate(pairs)]
        asked.write_text("\n".join(lines) + "\n")
        out = subprocess.run([GIMBAL, "reward", "score", asked, "-o", told, "--threads", "1", "--json"], check=True,
                             capture_output=True, text=True)
        seconds = json.loads(out.stdout)["seconds"]
        ours = [json.loads(line)["passed"] for line in told.read_text().splitlines()]
    start = time.perf_counter()
    theirs = [math_verify.verify(math_verify.parse(f"${g}$"), math_verify.parse(f"$\\boxed{{{p}}}$")) for p, g in pairs]
    peer_seconds = time.perf_counter() - start
    different = [(p, g, a, b) for (p, g), a, b in zip(pairs, ours, theirs) if a != b]
    if "--disagreements" in sys.argv:
        for p, g, a, b in different:
            print(f"answer {p}   gold {g}   ours {a}   math-verify {b}", file=sys.stderr)
    agreement = 1 - len(different) / len(pairs)
    row(WORK, seconds, peer=f"math-verify {math_verify.__version__ if hasattr(math_verify, '__version__') else ''}".strip(),
        theirs=peer_seconds, target_ratio=100,
        note=f"{len(pairs) / seconds:,.0f} against {len(pairs) / peer_seconds:,.0f} a second; {agreement:.1%} judged alike")


if __name__ == "__main__":
    main()
