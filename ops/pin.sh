#!/bin/sh
# Pin every requirement, with the hashes of all its published files, and without a word about the index or its host.
# usage: ops/pin.sh BIN [pip-compile options, such as --upgrade]    (from the top of the repository)
set -eu
bin=$1
shift

"$bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
    echo "pin: use Python 3.11, the oldest that is supported: a later one would leave out what 3.11 needs" >&2
    exit 1
}
export CUSTOM_COMPILE_COMMAND="make requirements"

# Extras stay in the files: for a requirement like coverage[toml] an older pip, when the pin does not name the extra,
# looks at the newest release first, and refuses it for want of a hash.
pin() {
    "$bin/pip-compile" --quiet --generate-hashes --no-strip-extras --allow-unsafe \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host "$@" pyproject.toml
}

pin "$@" --all-extras --all-build-deps --output-file requirements-all.txt
constraints=$(mktemp) # which may not name extras
trap 'rm -f "$constraints"' EXIT
sed 's/^\([A-Za-z0-9._-]*\)\[[^]]*\]==/\1==/' requirements-all.txt >"$constraints"
pin --constraint "$constraints" --output-file requirements.txt
sed -i "s|-c $constraints|-c requirements-all.txt|" requirements.txt
