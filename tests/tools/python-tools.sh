# shellcheck shell=bash
# Sourced by try.sh and tests/run.sh: the virtual environment that holds the servers they need.

# The one virtual environment of this checkout.
tools_venv() {
    printf '%s/target/venv\n' "$1"
}

# The file that says a requirements file is installed. Its name has the checksum of the pins: a changed
# one is installed, an unchanged one costs nothing.
tools_stamp() {
    local root=$1 requirements=$2
    printf '%s/.installed-%s\n' "$(tools_venv "$root")" \
        "$(cat "$root/tests/tools/requirements-servers.txt" "$requirements" | sha256sum | cut -c1-16)"
}

# ensure_tools ROOT REQUIREMENTS: installs a requirements file into the virtual environment of the
# checkout, unless exactly that is there already. On failure it says in one sentence on stderr what
# the user has to install, and returns 1.
ensure_tools() {
    local root=$1 requirements=$2 venv python stamp log
    venv=$(tools_venv "$root")
    stamp=$(tools_stamp "$root" "$requirements")
    if [[ -e $stamp ]]; then
        return 0
    fi
    python=${PYTHON:-python3}
    if ! command -v "$python" >/dev/null 2>&1; then
        echo "error: $python was not found: install the Debian package python3." >&2
        return 1
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "error: $python cannot make virtual environments: install the Debian package python3-venv." >&2
        return 1
    fi
    mkdir -p "$root/target"
    log=$root/target/venv-install.log
    if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        rm -rf "$venv"
        if ! "$python" -m venv "$venv" >"$log" 2>&1; then
            echo "error: no virtual environment could be made in $venv; $log says why." >&2
            return 1
        fi
    fi
    if ! "$venv/bin/python" -m pip install --disable-pip-version-check --no-input -r "$requirements" >"$log" 2>&1; then
        echo "error: pip could not install $requirements: $(grep -m1 -i '^error' "$log" || echo "$log says why")" >&2
        return 1
    fi
    touch "$stamp"
}
