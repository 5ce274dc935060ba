#!/bin/sh
# Prints the path of a Python 3.13, from PATH, pyenv or uv; says what to install where there is none.
is_313() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }
for candidate in python3.13 python3 python; do
  path=$(command -v "$candidate" 2>/dev/null) && is_313 "$path" && echo "$path" && exit 0
done
for path in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python; do
  is_313 "$path" && echo "$path" && exit 0
done
if command -v uv >/dev/null 2>&1; then
  path=$(uv python find 3.13 2>/dev/null) && is_313 "$path" && echo "$path" && exit 0
fi
cat >&2 <<'MESSAGE'
Tollgate needs Python 3.13 (with venv): it is the version that Azure Functions runs it on.
Install it with one of:  pyenv install 3.13 | uv python install 3.13 | brew install python@3.13 |
apt-get install python3.13 python3.13-venv (Debian 13, Ubuntu 25.04 or newer)  and call make again.
MESSAGE
exit 1
