#!/bin/sh
# `redenoise`, which `make setup` puts into .venv/bin: the commands of the checkout that it is called in.
if ! test -f redenoise/__main__.py; then
  echo "error: $PWD: not a checkout of ReDenoise; change to one first" >&2
  exit 1
fi
exec "$(dirname "$0")/python" -m redenoise "$@"
