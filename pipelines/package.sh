#!/usr/bin/env bash
# Makes the package that every environment runs: --help tells. The work is done by pipelines/steps, which the pipelines run too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
[ -x "$python" ] || python=$(sh devhost/find_python.sh)
exec "$python" -m pipelines.steps.package "$@"
