#!/usr/bin/env bash
# Installs the peers that the scripts of this folder measure against into build/peers (a virtual environment of their own).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${1:-build/peers}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet numpy==2.2.6 scikit-learn==1.7.2
