#!/usr/bin/env bash
# Runs once, when Gradescope builds the image: a Python that is new enough, and cowlab without what only notebooks need.
set -euo pipefail

newest=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    newest=python3.11 # Ubuntu 22.04 has it beside its own 3.10
fi
apt-get update
apt-get install -y "$newest" "$newest-venv"

# Not below /root: the process that is confined gives up root's rights and could not read its own library.
"$newest" -m venv /opt/cowlab
/opt/cowlab/bin/python -m pip install --no-deps /autograder/source/cowlab-*.whl
