"""Prints the rows of the scripts (JSON lines, files or stdin) as one Markdown table; exits 1 where a target is missed."""

import fileinput
import json
import sys


def number(value, unit):
    if value is None:
        return ""
    digits = 3 if unit == "s" and value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


def cells(row):
    if "skipped" in row:
        return [row["work"], "", "", "", "", "skipped", row["skipped"]]
    targets = [f"<= {row['target']:g} {row['unit']}"] if row["target"] is not None else []
    targets += [f">= {row['target_ratio']:g}x"] if row["target_ratio"] is not None else []
    peer = f"{row['peer']}: {number(row['theirs'], row['unit'])}" if row["peer"] else ""
    ratio = f"{row['ratio']:.{2 if row['ratio'] < 10 else 0}f}x" if row["ratio"] is not None else ""
    met = {True: "yes", False: "NO", None: ""}[row["met"]]
    return [row["work"], number(row["ours"], row["unit"]), peer, ratio, ", ".join(targets), met, row["note"]]


def main():
    rows = [json.loads(line) for line in fileinput.input() if line.startswith("{")]
    table = [["work", "ours", "peer", "ratio", "target", "met", "notes"], ["---"] * 7] + [cells(row) for row in rows]
    for line in table:
        print("| " + " | ".join(line) + " |")
    sys.exit(any(row.get("met") is False for row in rows))


if __name__ == "__main__":
    main()
