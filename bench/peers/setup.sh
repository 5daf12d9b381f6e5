#!/usr/bin/env bash
# Installs the peers that the scripts of this folder measure against into build/peers (a virtual environment of their own).
set -euo pipefail
cd "$(dirname "$0")/../.."
venv=${1:-build/peers}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
# torch first: asked for through another package it would come in its newest build.
"$venv/bin/pip" install --quiet torch==2.13.0
"$venv/bin/pip" install --quiet -r bench/peers/requirements.txt
# obp's own bounds on its dependencies are years old, and none of them matters to what is measured.
"$venv/bin/pip" install --quiet --no-deps obp==0.4.1
