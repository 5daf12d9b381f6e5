"""Cross-fitted ridge: scikit-learn's RidgeCV against crossfit_ridge on the same arrays, one thread each.

n = 100,000 rows, d = 50 features, 3 arms, 5 folds: 15 fits, each with the 25 penalties of learn/linear.h chosen by exact
leave-one-out error.
"""

from support import close, paired, row, uniform

import numpy as np
import sklearn
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

N, D, ARMS, FOLDS = 100_000, 50, 3, 5
PENALTIES = 10.0 ** (-4 + np.arange(25) / 3)


def make_data():
    """As in src/gimbal/learn/learn_bench.cc."""
    x = (uniform(0, N * D) - 0.5).reshape(N, D)
    index = np.arange(N)
    arm, fold = index % ARMS, index // ARMS % FOLDS
    y = uniform(N * D, N) + x[:, 0] - 0.5 * x[:, 1] + 0.1 * arm * x[:, 2]
    return x, y, arm, fold


def fit_all(x, y, arm, fold):
    """The mean of log10 penalty over the fits, a penalty of 1 being the mean diagonal of the Gram matrix."""
    chosen = []
    for a in range(ARMS):
        for j in range(FOLDS):
            rows = (arm == a) & (fold != j)
            z = StandardScaler().fit_transform(x[rows])
            model = RidgeCV(alphas=PENALTIES * len(z)).fit(z, y[rows])
            chosen.append(np.log10(model.alpha_ / len(z)))
    return float(np.mean(chosen))


def main():
    data = make_data()
    theirs, ours, report, chosen = paired(lambda: fit_all(*data), "learn_bench", "CrossfitRidge")
    close(report["mean_log10_penalty"], chosen, 1e-6)
    row("cross-fitted ridge, n = 10^5, d = 50, K = 3, 5 folds, one thread", ours, target=1, theirs=theirs, target_ratio=3,
        peer=f"scikit-learn {sklearn.__version__} RidgeCV, 15 fits", note="the same penalties chosen")


if __name__ == "__main__":
    main()
