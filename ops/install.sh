#!/bin/sh
# Make VENV hold what requirements-all.txt pins, and the project itself (editable). Does nothing when that is so already.
# usage: ops/install.sh PYTHON VENV    (from the top of the repository)
set -eu
python=$1
venv=$2

fail() {
    echo "install: $1" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "no $python found: install Python 3.11 or later, or name one (make PYTHON=python3.12 ...)"
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) ||
    fail "$python does not run: name another one (make PYTHON=python3.12 ...)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is Python $version; Python 3.11 or later is needed: name one (make PYTHON=python3.12 ...)"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module: install it (Debian and Ubuntu: apt install python3-venv)"

# Two `make run` at once in a fresh clone: the second waits for the first. The lock is on this file and ends with us.
if command -v flock >/dev/null 2>&1; then
    exec 9<"$0"
    flock 9
fi

# A virtual environment works in one place only, with the Python that made it.
home="Python $version in $(pwd)"
wanted="$home, $(cat requirements-all.txt pyproject.toml | cksum)"
stamp=$venv/.installed
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && exit 0

case $(cat "$stamp" 2>/dev/null || echo "$home,") in
"$home,"*) [ -x "$venv/bin/python" ] || "$python" -m venv --clear "$venv" ;;
*) "$python" -m venv --clear "$venv" ;;
esac
rm -f "$stamp"
echo "installing the pinned requirements into $venv (the first time takes a minute or two)" >&2
pip="$venv/bin/python -m pip --quiet --disable-pip-version-check install"
$pip --require-hashes --requirement requirements-all.txt
PYTHONWARNINGS=ignore $pip --no-deps --no-build-isolation --editable .
echo "$wanted" >"$stamp"
