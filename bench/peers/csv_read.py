"""Reading a CSV file of numbers with 16 to 17 digits: pandas against our reader, one thread each."""

import os

from support import make_table, paired, row

import pandas as pd


def main():
    path = make_table("nuisances-2e5.csv", "nuisances", "--rows", 200_000)
    os.environ["GIMBAL_BENCH_CSV"] = str(path)
    megabytes = path.stat().st_size / 1e6
    theirs, ours, report, frame = paired(lambda: pd.read_csv(path), "data_bench", "BM_ReadGivenFile")
    if int(report["rows"]) != len(frame):
        raise SystemExit("different numbers of rows")
    row(f"CSV read, {megabytes:.0f} MB of numbers, one thread", ours, peer=f"pandas {pd.__version__} read_csv", theirs=theirs,
        note=f"ours {megabytes / ours:.0f} MB/s, pandas {megabytes / theirs:.0f} MB/s")


if __name__ == "__main__":
    main()
