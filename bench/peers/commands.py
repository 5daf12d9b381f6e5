"""Whole commands on large tables: a CSV file in and a frontier out, peak memory, start-up. No peer does these.

The tables come from bench/make_table.py and are kept under build/bench (1 GB in all; the first run takes two minutes more).
"""

from support import FILES, GIMBAL, PAIRS, make_table, row, run_command

import shutil
import statistics


def main():
    for name, flags in (("with outcomes (honest curve and band)", []), ("without outcomes (plug-in curve)", ["--no-outcomes"])):
        table = make_table(f"nuisances-2e5{'-plain' if flags else ''}.csv", "nuisances", "--rows", 200_000, *flags)
        command = [GIMBAL, "policy", "frontier", "--nuisances", table, "--threads", 2, "--quiet", "-o", FILES / "frontier.json"]
        runs = [run_command(*command) for _ in range(PAIRS)]
        wall, cpu, _ = (statistics.median(x) for x in zip(*runs))
        row(f"CSV in, frontier out, n = 2*10^5, K = 3, {name}", wall, target=1, note=f"wall, two threads; CPU {cpu:.2f} s")

    table = make_table("nuisances-2e6.csv", "nuisances", "--rows", 2_000_000)
    wall, cpu, peak = run_command(GIMBAL, "policy", "frontier", "--nuisances", table, "--quiet", "-o", FILES / "frontier.json")
    row("peak memory: policy frontier, n = 2*10^6, K = 3, honest curve", peak, "MB", target=1000,
        note=f"{wall:.1f} s wall, {cpu:.1f} s CPU")
    policy = FILES / "policy.json"
    run_command(GIMBAL, "policy", "choose", FILES / "frontier.json", "--select", "lambda:2", "--quiet", "-o", policy)
    wall, cpu, peak = run_command(GIMBAL, "policy", "evaluate", policy, table, "--allow-train-data", "--quiet")
    row("peak memory: policy evaluate, n = 2*10^6, K = 3", peak, "MB", target=1000, note=f"{wall:.1f} s wall, {cpu:.1f} s CPU")

    table = make_table("logged-1e6.csv", "logged", "--rows", 1_000_000, "--features", 30)
    out = FILES / "run-1e6"
    shutil.rmtree(out, ignore_errors=True)
    wall, cpu, peak = run_command(GIMBAL, "policy", "run", table, "--outcome", "outcome", "--action", "arm", "--propensity",
                                  "uniform", "--learner", "ridge", "--quiet", "-o", out)
    row("peak memory: policy run, n = 10^6, d = 30, ridge", peak, "MB", target=3000, note=f"{wall:.1f} s wall, {cpu:.1f} s CPU")

    walls = [run_command(GIMBAL, "--version")[0] for _ in range(51)]
    bare = [run_command("/bin/true")[0] for _ in range(51)]
    row("start-up: gimbal --version", 1000 * statistics.median(walls), "ms", target=10,
        note=f"wall; /bin/true measured the same way: {1000 * statistics.median(bare):.1f} ms")


if __name__ == "__main__":
    main()
