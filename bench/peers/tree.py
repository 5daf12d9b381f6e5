"""A policy tree of depth 2 on 100,000 rows, 20 features, 3 arms: econml's greedy PolicyTree against the exact search.

The scores hold an interaction that pays only after two splits, so the rewards differ too; both are printed.
"""

from support import bench, columns, paired, row

import econml
import numpy as np
from econml.policy import PolicyTree

N, P, K = 100_000, 20, 3


def main():
    x = np.stack(columns(N, 0, P), axis=1)
    scores = np.stack(columns(N, P, K), axis=1)
    scores[:, 1] += np.where((x[:, 0] > 0.5) == (x[:, 1] > 0.5), 0.1, -0.1)
    # As ours: a leaf holds at least 1 % of the rows, and no honest split into halves.
    theirs, ours, report, tree = paired(
        lambda: PolicyTree(max_depth=2, min_samples_leaf=N // 100, honest=False, min_balancedness_tol=0.5).fit(x, scores),
        "policy_bench", "PeerTree/threads:1/process_time/real_time")
    reward = float(scores[np.arange(N), tree.predict(x)].mean())
    wall = bench("policy_bench", "PeerTree/threads:2/process_time/real_time")[1]["real_time"] / 1000
    row("policy tree, depth 2, n = 10^5, p = 20, 256 bins, K = 3, one thread", ours, target=3, theirs=theirs,
        peer=f"econml {econml.__version__} PolicyTree (greedy)",
        note=f"two threads: {wall:.2f} s wall; reward a unit: ours (exact) {report['reward_per_unit']:.4f}, econml {reward:.4f}")


if __name__ == "__main__":
    main()
