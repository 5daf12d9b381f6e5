#!/usr/bin/env python3
"""Writes the large synthetic tables that the benchmarks read; standard library alone, the same bytes for the same arguments.

    bench/make_table.py nuisances --rows 200000 --arms 3 -o build/bench/nuisances.csv   # e_, mu_, var_ a row (and a, y)
    bench/make_table.py logged --rows 1000000 --features 30 --arms 3 -o build/bench/logged.csv

`nuisances`: a trial's predictions with 16 to 17 digits a number, as `gimbal policy fit` writes them; `--no-outcomes` leaves out
a and y, and with them the honest curve. `logged`: standard normal features x0, x1, ... with six decimals, an arm drawn with
equal probability, an outcome whose best arm depends on x0 and x1.
"""

import argparse
import random


def nuisance_rows(rng, arms, outcomes):
    uniform, normal = rng.random, rng.gauss
    while True:
        raw = [0.5 + uniform() for _ in range(arms)]
        total = sum(raw)
        e = [r / total for r in raw]
        base = normal(0, 1)
        mu = [base + normal(0.05 * a, 0.3) for a in range(arms)]
        var = [0.5 + uniform() for _ in range(arms)]
        cells = e + mu + var
        if outcomes:
            draw, arm = uniform(), 0
            while arm + 1 < arms and draw > e[arm]:
                draw -= e[arm]
                arm += 1
            yield ",".join(map(repr, cells)) + f",{normal(mu[arm], var[arm] ** 0.5)!r},{arm}\n"
        else:
            yield ",".join(map(repr, cells)) + "\n"


def logged_rows(rng, arms, features):
    normal = rng.gauss
    while True:
        x = [normal(0, 1) for _ in range(features)]
        arm = rng.randrange(arms)
        y = x[0] + 0.5 * x[1] + 0.2 * arm * (x[1] - x[2]) + normal(0, 1)
        yield ",".join(["%.6f" % v for v in x]) + f",{arm},{y:.6f}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("nuisances", "logged"))
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--arms", type=int, default=3)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--no-outcomes", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", required=True)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    names = [str(a) for a in range(arguments.arms)]
    if arguments.kind == "nuisances":
        header = [f"{what}_{name}" for what in ("e", "mu", "var") for name in names]
        header += [] if arguments.no_outcomes else ["y", "a"]
        rows = nuisance_rows(rng, arguments.arms, not arguments.no_outcomes)
    else:
        header = [f"x{j}" for j in range(arguments.features)] + ["arm", "outcome"]
        rows = logged_rows(rng, arguments.arms, arguments.features)
    with open(arguments.out, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(header) + "\n")
        for _ in range(arguments.rows):
            file.write(next(rows))


if __name__ == "__main__":
    main()
