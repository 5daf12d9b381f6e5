"""The exact path of two arms, one million units: numpy's sort and cumulative sums against ours, one thread each."""

from support import columns, close, normalized, paired, row

import numpy as np

N = 1_000_000


def path(e0, e1, mu0, mu1, s0, s1):
    """tau, Q and z at all breakpoints (dr score, baseline = logging policy)."""
    c = mu1 - mu0
    k = c * c + s1 / e1 + s0 / e0
    d = np.where(c > 0, 1 - e1, -e1)
    h = c / k
    stop = d / h
    order = np.argsort(stop)
    stop = stop[order]
    gain = (d * c)[order]
    rate = (c * h)[order]
    t = np.cumsum(gain) / len(c)
    s = np.cumsum(stop * gain) / len(c)  # d^2 k = lambda d c
    u = (rate.sum() - np.cumsum(rate)) / len(c)
    tau = t + stop * u
    q = s + stop * stop * u
    return stop, tau, q, tau / np.sqrt(q - tau * tau), t[-1]


def main():
    e0, e1 = normalized([0.5 + u for u in columns(N, 0, 2)])
    mu0, mu1 = columns(N, 2, 2)
    s0, s1 = (0.5 + u for u in columns(N, 4, 2))
    theirs, ours, report, result = paired(lambda: path(e0, e1, mu0, mu1, s0, s1), "policy_bench", "PeerPath/arms:2/dr:1")
    stop, tau, q, _, tau_infinity = result
    # Not tau[-1]: there the rounding of u, 1e-17, meets a breakpoint of 1e7 (our sums are compensated and run from both ends).
    close(report["tau_infinity"], tau_infinity)
    close(report["tau_2"], np.interp(2, stop, tau), 1e-6)  # linear between breakpoints that lie 1e-6 apart
    close(report["q_2"], np.interp(2, stop, q), 1e-6)
    features = np._core._multiarray_umath.__cpu_features__
    wide = bool(features.get("AVX512_SKX"))
    row("exact path, n = 10^6, K = 2, one thread", ours, target=0.12, peer=f"numpy {np.__version__} sort + cumsum",
        theirs=theirs, target_ratio=1.5 if wide else 1.8, note="numpy sorts with AVX-512" if wide else "numpy sorts without AVX-512")


if __name__ == "__main__":
    main()
