#!/usr/bin/env python3
"""Reads the #include lines of src/gimbal/ and fails on any arrow that DESIGN's layers do not allow.

Arrows point down only; inside a layer only the pairs of SIDEWAYS are allowed. Tests and benchmarks follow the same rule.
Also fails when a heavy header is included by a header of ours, which would put it into every file.
"""
import pathlib
import re
import sys

LAYERS = [
    ["base"],
    ["stats"],
    ["run", "sandbox", "net", "store", "data"],
    ["lm", "reward", "browser", "learn"],
    ["policy", "diversity", "label", "quasar", "rl", "align", "bo", "bolt", "leon", "arena"],
    ["cli"],
]
SIDEWAYS = {("run", "data"), ("align", "rl"), ("bolt", "bo"), ("bolt", "rl"), ("leon", "bo")}
LEVEL = {folder: level for level, folders in enumerate(LAYERS) for folder in folders}
HEAVY = re.compile(r'#include <(CLI/|nlohmann/json\.hpp|Eigen/|boost/|spdlog/|toml\+\+/|ATen/|torch/)')
INCLUDE = re.compile(r'^\s*#include "gimbal/([a-z_]+)/')


def main() -> int:
    root = pathlib.Path(__file__).resolve().parent.parent / "src" / "gimbal"
    errors = []
    for path in sorted([*root.rglob("*.h"), *root.rglob("*.cc")]):
        folder = path.relative_to(root).parts[0]
        if folder not in LEVEL:
            errors.append(f"{path.relative_to(root.parent.parent)}: folder '{folder}' has no layer")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            where = f"{path.relative_to(root.parent.parent)}:{number}"
            if path.suffix == ".h" and HEAVY.match(line):
                errors.append(f"{where}: a header includes {line.split()[1]}; keep it in a .cc file")
            match = INCLUDE.match(line)
            if not match:
                continue
            target = match.group(1)
            if target == folder:
                continue
            if target not in LEVEL:
                errors.append(f"{where}: unknown folder '{target}'")
            elif LEVEL[target] >= LEVEL[folder] and (folder, target) not in SIDEWAYS:
                errors.append(f"{where}: {folder} (L{LEVEL[folder]}) may not include {target} (L{LEVEL[target]})")
    for folder in sorted({p.parent for p in root.rglob("*.cc")}):
        if not (folder / "README.md").exists():
            errors.append(f"{folder.relative_to(root.parent.parent)}: README.md is missing")
    for error in errors:
        print(error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
