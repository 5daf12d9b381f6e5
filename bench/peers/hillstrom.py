"""The whole of `gimbal policy run` on the Hillstrom e-mail trial (visits, 64,000 customers), report included, beside fits of
econml's DRPolicyTree and causalml's T-learner on the run's own training rows.

The peers do less: one fit, no cross-fitted variance, no frontier, no test, no report. The data are read under $GIMBAL_SHARED.
"""

from support import FILES, GIMBAL, PAIRS, SHARED, cpu_seconds, row, run_command, skip

import shutil
import statistics
import time
import warnings

WORK = "policy run on Hillstrom, visit, report included"
FEATURES = ["recency", "history", "mens", "womens", "zip_code", "newbie", "channel"]


def run(data, learner):
    walls, cpus = [], []
    out = FILES / f"hillstrom-{learner}"
    for _ in range(PAIRS if learner == "ridge" else 3):
        shutil.rmtree(out, ignore_errors=True)
        wall, cpu, _ = run_command(GIMBAL, "policy", "run", data, "--outcome", "visit", "--action", "segment", "--features",
                                   ",".join(FEATURES), "--propensity", "uniform", "--baseline", "arm:No E-Mail", "--learner",
                                   learner, "--threads", 2, "--quiet", "-o", out)
        walls.append(wall)
        cpus.append(cpu)
    return statistics.median(walls), statistics.median(cpus), out


def peers(train):
    """CPU and wall seconds of each peer's fit on the training rows."""
    import econml
    import pandas as pd
    from causalml.inference.meta import BaseTClassifier
    from econml.policy import DRPolicyTree
    from importlib.metadata import version
    from xgboost import XGBClassifier

    warnings.simplefilter("ignore")
    frame = pd.read_csv(train)
    x = pd.get_dummies(frame[FEATURES], dtype=float).to_numpy()
    y, arm = frame["visit"].to_numpy(), frame["segment"].to_numpy().astype(str)

    def tree():
        DRPolicyTree(max_depth=2, random_state=0).fit(y, arm, X=x)

    def t_learner():
        BaseTClassifier(learner=XGBClassifier(n_jobs=1), control_name="No E-Mail").fit_predict(x, arm, y)

    named = {f"econml {econml.__version__} DRPolicyTree fit": tree,
             f"causalml {version('causalml')} T-learner (XGBoost) fit": t_learner}
    for name, work in named.items():
        start = time.perf_counter()
        cpu, _ = cpu_seconds(work)
        yield name, cpu, time.perf_counter() - start


def main():
    data = SHARED / "data" / "policy" / "hillstrom.csv.gz"
    if not data.exists():
        return skip(WORK, "no data/policy/hillstrom.csv.gz under $GIMBAL_SHARED")
    FILES.mkdir(parents=True, exist_ok=True)
    ridge = run(data, "ridge")
    auto = run(data, "auto")
    for name, cpu, wall in peers(ridge[2] / "artifacts" / "train.csv.gz"):
        for learner, target, (our_wall, our_cpu, _) in (("ridge", 5, ridge), ("auto", 30, auto)):
            row(f"{WORK}: {learner}", our_wall, target=target, peer=name, theirs=wall,
                note=f"wall; CPU: ours {our_cpu:.2f} s, theirs {cpu:.2f} s")


if __name__ == "__main__":
    main()
