"""Off-policy evaluation of one policy on one million rows: obp's interval for DR against our four scores with standard errors.

obp bootstraps: here with 1,000 resamples instead of its default 10,000, which would take ten times as long.
"""

from support import columns, close, normalized, paired, row, uniform

import warnings

import numpy as np
import obp
from obp.ope import DoublyRobust

N, K, RESAMPLES = 1_000_000, 2, 1000


def main():
    warnings.simplefilter("ignore")
    mu = columns(N, K, K)
    pi = normalized([0.5 + u for u in columns(N, 3 * K, K)])
    e = normalized([0.5 + u for u in columns(N, 0, K)])
    action = (uniform(4 * K * N, N) >= e[0]).astype(int)
    arguments = {
        "reward": uniform((4 * K + 1) * N, N),
        "action": action,
        "pscore": np.where(action == 0, e[0], e[1]),
        "action_dist": np.stack(pi, axis=1)[:, :, None],
        "estimated_rewards_by_reg_model": np.stack(mu, axis=1)[:, :, None],
        "position": np.zeros(N, dtype=int),
    }
    estimator = DoublyRobust()
    theirs, ours, report, result = paired(
        lambda: estimator.estimate_interval(n_bootstrap_samples=RESAMPLES, random_state=0, **arguments), "policy_bench",
        "PeerEvaluate")
    close(report["value"], estimator.estimate_policy_value(**arguments))
    low, high = (v for k, v in sorted(result.items(), key=lambda item: "upper" in item[0]) if "95.0% CI" in k)
    close(3.92 * report["se"], high - low, 0.15)  # a bootstrap interval of 1,000 resamples is that rough
    row("evaluate, n = 10^6, four scores with standard errors, one thread", ours, target=0.1,
        peer=f"obp {obp.__version__} estimate_interval, DR", theirs=theirs, target_ratio=50,
        note=f"obp with {RESAMPLES} resamples; its default of 10,000 takes 10 times as long")


if __name__ == "__main__":
    main()
