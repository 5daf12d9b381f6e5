"""Five arms, one million units: the exact path (all breakpoints) against a numpy grid of 50 points, one thread each.

numpy solves each point for all units at once, arm by arm on contiguous arrays: start with all arms active, drop those at their
bound, until none is left to drop. The score is ipw, which has the simpler solution.
"""

from support import columns, close, normalized, paired, row

import numpy as np

N, K, POINTS = 1_000_000, 5, 50


def point(lam, e, mu, v, inverse):
    """tau and Q at one lambda: pi_a = max(0, e_a + (lambda mu_a - nu)/v_a)."""
    slope = [(lam * m) * w for m, w in zip(mu, inverse)]
    active = [np.ones(N, dtype=bool) for _ in range(K)]
    while True:
        top = sum(np.where(on, s + b, 0.0) for on, s, b in zip(active, slope, e))
        bottom = sum(np.where(on, w, 0.0) for on, w in zip(active, inverse))
        nu = (top - 1) / bottom
        now = [on & (s + b > nu * w) for on, s, b, w in zip(active, slope, e, inverse)]
        dropped = any((a != b).any() for a, b in zip(active, now))
        active = now
        if not dropped:
            break
    tau = q = 0.0
    for a in range(K):
        d = np.where(active[a], slope[a] - nu * inverse[a], -e[a])
        tau = tau + d @ mu[a]
        q = q + (d * d) @ v[a]
    return tau / N, q / N


def grid(e, mu, s2, lambdas):
    v = [(m * m + s) / p for m, s, p in zip(mu, s2, e)]
    inverse = [1 / x for x in v]
    return [point(lam, e, mu, v, inverse) for lam in lambdas]


def main():
    e = normalized([0.5 + u for u in columns(N, 0, K)])
    mu = columns(N, K, K)
    s2 = [0.5 + u for u in columns(N, 2 * K, K)]
    lambdas = np.concatenate([[2.0], np.geomspace(0.1, 1000, POINTS - 1)])
    theirs, ours, report, result = paired(lambda: grid(e, mu, s2, lambdas), "policy_bench", "PeerPath/arms:5/dr:0")
    close(report["tau_2"], result[0][0])
    close(report["q_2"], result[0][1])
    row("exact path, n = 10^6, K = 5, one thread", ours, target=0.8, peer=f"numpy {np.__version__}, a grid of {POINTS} points",
        theirs=theirs, target_ratio=5, note="ours has all breakpoints")


if __name__ == "__main__":
    main()
