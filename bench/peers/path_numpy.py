"""The exact frontier path: gimbal against numpy on the same arrays, in one run, one thread each.

K = 2: the sort-and-cumulate version of the same path (one argsort, three cumulative sums, tau, Q and z on every breakpoint; its
sums are plain, so at the last breakpoints tau keeps eight digits where ours keeps nine or more).
K = 5: nothing else computes the path, so numpy evaluates a grid of 50 lambdas, each by a waterfill vectorized over the units.
n = 10^6, score ipw, double precision. Prints one JSON object with CPU seconds (median of 7 and of 3) and the ratios.

    bench/peers/setup.sh && build/peers/bin/python bench/peers/path_numpy.py [--bench build/policy_bench]
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import statistics
import subprocess
import time

import numpy as np

N = 1_000_000
GRID = 50


def uniform(index):
    """splitmix64 of a counter, as in src/gimbal/policy/path_bench.cc."""
    z = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def table(arms):
    cells = np.arange(N * arms)
    e = 0.5 + uniform(cells).reshape(N, arms)
    e /= e.sum(axis=1, keepdims=True)
    mu = 1 + uniform(N * arms + cells).reshape(N, arms)
    var = 0.5 + uniform(2 * N * arms + cells).reshape(N, arms)
    return e, mu, var


def path_of_two(e, mu, var):
    """tau, Q and z on all breakpoints, and the mean of d c, which is tau at infinity."""
    m = mu**2 + var
    c = mu[:, 1] - mu[:, 0]
    k = m[:, 1] / e[:, 1] + m[:, 0] / e[:, 0]
    d = np.where(c > 0, 1 - e[:, 1], -e[:, 1])
    stop = d * k / c
    order = np.argsort(stop)
    c, k, d, stop = c[order], k[order], d[order], stop[order]
    t = np.cumsum(d * c) / N
    s = np.cumsum(d * d * k) / N
    u = c * c / k
    u = (u.sum() - np.cumsum(u)) / N
    tau, q = t + stop * u, s + stop**2 * u
    return tau, q, tau / np.sqrt(q - tau**2), t[-1]


def grid_of_many(e, mu, var, lambdas):
    """tau and Q at each lambda: the waterfill of every unit, sorted along the arms."""
    v = (mu**2 + var) / e
    out = []
    for x in lambdas:
        level = x * mu + v * e
        order = np.argsort(-level, axis=1)
        weight = np.take_along_axis(1 / v, order, axis=1)
        score = np.take_along_axis(level, order, axis=1)
        s1 = np.cumsum(score * weight, axis=1)
        s2 = np.cumsum(weight, axis=1)
        nu = (s1 - 1) / s2
        count = (nu < score).sum(axis=1)  # active arms form a prefix
        nu = np.take_along_axis(nu, count[:, None] - 1, axis=1)
        d = np.maximum(-e, (x * mu - nu) / v)
        out.append(((d * mu).sum() / N, (d * d * v).sum() / N))
    return out


def measure(work, repeats):
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return statistics.median(times), result


def gimbal(bench, arms):
    name = f"build_path/arms:{arms}/threads:1/dr:0/process_time"
    command = [bench, f"--benchmark_filter=^{name}$", "--benchmark_repetitions=7", "--benchmark_format=json"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    row = next(b for b in report["benchmarks"] if b.get("aggregate_name") == "median")
    return row["cpu_time"] / 1e3, row["tau_at_infinity"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="build/policy_bench")
    arguments = parser.parse_args()
    two, many = table(2), table(5)
    numpy_two, (_, _, _, tau) = measure(lambda: path_of_two(*two), 7)
    lambdas = np.geomspace(1e-2, 1e3, GRID)
    numpy_many, _ = measure(lambda: grid_of_many(*many, lambdas), 3)
    ours_two, ours_tau = gimbal(arguments.bench, 2)
    ours_many, _ = gimbal(arguments.bench, 5)
    if abs(ours_tau - tau) > 1e-9 * tau:
        raise SystemExit(f"different answers: {ours_tau} and {tau}")
    print(json.dumps({
        "n": N, "numpy": np.__version__,
        "two_arms": {"gimbal_s": round(ours_two, 4), "numpy_s": round(numpy_two, 4), "ratio": round(numpy_two / ours_two, 2)},
        "five_arms": {"gimbal_path_s": round(ours_many, 4), f"numpy_grid_of_{GRID}_s": round(numpy_many, 4),
                      "ratio": round(numpy_many / ours_many, 2)},
    }))


if __name__ == "__main__":
    main()
