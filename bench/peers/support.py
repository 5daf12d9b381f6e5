"""What the scripts of this folder share: one thread a library, inputs that gimbal's benches make bit for bit alike, clocks, and
the row of the table that each script prints.

Importing it sets the thread limits, so it comes before numpy. A row is one JSON object; table.py turns rows into a table.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GIMBAL_BUILD", ROOT / "build"))
GIMBAL = BUILD / "gimbal"
FILES = ROOT / "build" / "bench"  # tables that bench/make_table.py writes, kept between runs
SHARED = pathlib.Path(os.environ.get("GIMBAL_SHARED", ROOT / ".." / "shared"))
PAIRS = 7
SLOW_S = 8  # a peer that takes longer is run three times


def uniform(first, count):
    """counter_uniform(first), ... of src/gimbal/base/counter_uniform.h."""
    import numpy as np

    z = np.arange(first + 1, first + 1 + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def columns(n, first, count):
    """As in src/gimbal/policy/peers_bench.cc: a list of arrays, one a column."""
    return [uniform((first + c) * n, n) for c in range(count)]


def normalized(raw):
    total = raw[0].copy()
    for column in raw[1:]:
        total += column
    return [column / total for column in raw]


def cpu_seconds(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def bench(program, name):
    """One Google Benchmark: its CPU seconds an iteration, and everything it reported."""
    command = [BUILD / program, f"--benchmark_filter=^{name}$", "--benchmark_format=json", "--benchmark_min_time=0.3"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    row = report["benchmarks"][0]
    if row.get("error_occurred"):
        sys.exit(f"{program} {name}: {row['error_message']}")
    assert row["time_unit"] == "ms"
    return row["cpu_time"] / 1000, row


def paired(peer, program, name):
    """Peer and bench in turns, on the same machine: medians of CPU seconds, the bench's report, the peer's result."""
    theirs, ours, pairs = [], [], PAIRS
    while len(theirs) < pairs:
        seconds, result = cpu_seconds(peer)
        theirs.append(seconds)
        seconds, report = bench(program, name)
        ours.append(seconds)
        if theirs[0] > SLOW_S:
            pairs = 3
    return statistics.median(theirs), statistics.median(ours), report, result


def run_command(*arguments, env=None):
    """A child's wall seconds, CPU seconds and peak memory in MB (peaks below this process's own do not show)."""
    start = time.perf_counter()
    child = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    error = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))} ended with {child.returncode}: {error.decode()[-500:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def make_table(name, *arguments):
    FILES.mkdir(parents=True, exist_ok=True)
    path = FILES / name
    if not path.exists():
        draft = path.with_suffix(".draft")
        subprocess.run([sys.executable, ROOT / "bench" / "make_table.py", *map(str, arguments), "-o", draft], check=True)
        draft.rename(path)
    return path


def close(ours, theirs, tolerance=1e-9):
    if not abs(ours - theirs) <= tolerance * max(abs(ours), abs(theirs)):
        sys.exit(f"the two do not compute the same: {ours!r} against {theirs!r}")


def row(work, ours, unit="s", target=None, peer=None, theirs=None, target_ratio=None, note=""):
    """Prints a row. `target`: the most that ours may be; `target_ratio`: the least that theirs / ours may be."""
    ratio = theirs / ours if theirs is not None else None
    checks = [ours <= target] if target is not None else []
    checks += [ratio >= target_ratio] if target_ratio is not None else []
    print(json.dumps({"work": work, "ours": ours, "unit": unit, "target": target, "peer": peer, "theirs": theirs,
                      "ratio": ratio, "target_ratio": target_ratio, "met": all(checks) if checks else None, "note": note}), flush=True)


def skip(work, reason):
    print(json.dumps({"work": work, "skipped": reason}), flush=True)
