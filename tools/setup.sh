#!/bin/sh
# The Python environment: a .venv with snncc and all its extras, from wheels.
set -eu
venv=$1
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "snncc needs Python 3.11 or newer; '$python' is not: run make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    printf '%s\n' python3-venv >"${TMPDIR:-/tmp}/snncc-venv.txt"
    sh "$(dirname "$0")/apt.sh" "${TMPDIR:-/tmp}/snncc-venv.txt"
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[all]'
