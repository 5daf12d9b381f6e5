"""Cross-fitted ridge: scikit-learn's RidgeCV against gimbal on the same arrays, in one run.

n = 100,000 rows, d = 50 features, 3 arms, 5 folds: 15 fits, each with the 25 penalties of learn/linear.h chosen by exact
leave-one-out error. One thread each. Prints one JSON object with CPU seconds (median of 7) and the ratio.

    bench/peers/setup.sh && build/peers/bin/python bench/peers/ridge_crossfit.py [--bench build/learn_bench]
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
import sklearn
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

N, D, ARMS, FOLDS = 100_000, 50, 3, 5
PENALTIES = 10.0 ** (-4 + np.arange(25) / 3)


def uniform(index):
    """splitmix64 of a counter, as in src/gimbal/learn/learn_bench.cc."""
    z = (index.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


def make_data():
    x = (uniform(np.arange(N * D)) - 0.5).reshape(N, D)
    row = np.arange(N)
    arm, fold = row % ARMS, row // ARMS % FOLDS
    y = uniform(N * D + row) + x[:, 0] - 0.5 * x[:, 1] + 0.1 * arm * x[:, 2]
    return x, y, arm, fold


def fit_all(x, y, arm, fold):
    chosen = []
    for a in range(ARMS):
        for j in range(FOLDS):
            rows = (arm == a) & (fold != j)
            z = StandardScaler().fit_transform(x[rows])
            # The mean diagonal of the Gram matrix of standardized features is the number of rows.
            model = RidgeCV(alphas=PENALTIES * len(z)).fit(z, y[rows])
            chosen.append(model.alpha_ / len(z))
    return chosen


def gimbal(bench):
    command = [bench, "--benchmark_filter=^CrossfitRidge$", "--benchmark_repetitions=7", "--benchmark_format=json"]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    row = next(b for b in report["benchmarks"] if b.get("aggregate_name") == "median")
    return row["cpu_time"] / 1000, row["mean_log10_penalty"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bench", default="build/learn_bench")
    arguments = parser.parse_args()
    data = make_data()
    seconds = []
    for _ in range(7):
        start = time.process_time()
        chosen = fit_all(*data)
        seconds.append(time.process_time() - start)
    ours, log_penalty = gimbal(arguments.bench)
    peer = statistics.median(seconds)
    print(json.dumps({
        "work": "cross-fitted ridge, n 100000, d 50, 3 arms, 5 folds",
        "peer": f"scikit-learn {sklearn.__version__} RidgeCV",
        "peer_cpu_s": round(peer, 4),
        "gimbal_cpu_s": round(ours, 4),
        "ratio": round(peer / ours, 2),
        "mean_log10_penalty": {"peer": round(float(np.mean(np.log10(chosen))), 6), "gimbal": round(log_penalty, 6)},
    }))


if __name__ == "__main__":
    main()
