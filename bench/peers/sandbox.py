"""One Python program in the sandbox: against a fresh interpreter a test, and against bubblewrap with the same binds.

`gimbal sandbox bench` measures all of them in one run, with as many at a time as there are cores; here its figures become rows.
"""

import json
import subprocess

from support import GIMBAL, row, skip

EXECUTIONS = 2000


def main():
    out = subprocess.run([GIMBAL, "sandbox", "bench", "--n", str(EXECUTIONS), "--json"], capture_output=True, text=True)
    if out.returncode != 0:
        skip("one Python test in the sandbox", f"gimbal sandbox bench: exit code {out.returncode}")
        return
    report = json.loads(out.stdout)
    rows = {one["name"]: one for one in report["rows"]}
    server, process, plain, bubblewrap = (rows[name] for name in ("fork-server", "process", "plain interpreter", "bubblewrap"))
    seconds = lambda one: one["median_ms"] / 1000
    policy = report["policy"]
    row(f"one test in the fork server ({policy})", seconds(server), peer="fresh interpreter, no sandbox", theirs=seconds(plain),
        target_ratio=12, note=f"{server['executions_per_s']:.0f} against {plain['executions_per_s']:.0f} a second")
    work = f"one test in a fresh interpreter in the sandbox ({policy})"
    above = f"{process['median_ms'] - plain['median_ms']:.1f} ms above a plain interpreter"
    if bubblewrap["skipped"]:
        row(work, seconds(process), note=f"{above}; bubblewrap: {bubblewrap['skipped']} (Debian package bubblewrap)")
        return
    row(work, seconds(process), peer="bubblewrap", theirs=seconds(bubblewrap),
        note=f"{above}; bubblewrap {bubblewrap['median_ms'] - plain['median_ms']:.1f} ms above it")


if __name__ == "__main__":
    main()
