#!/usr/bin/env bash
# Asks the RustSec database whether anything is known against the packages of Cargo.lock.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tests/tools/advisories.sh [--help]

Runs `cargo deny check advisories`: with the database as it is now, or, where that cannot be fetched, with the copy
that cargo-deny keeps under advisory-dbs in the home of cargo. Where neither is there, or cargo-deny is not, it says
so on a line that begins with "skipped: " and ends well. Status 1: something is known, or a version was yanked.
TEXT
}

# For a network that swallows what is sent, in seconds.
readonly deadline=120

case ${1:-} in
    '') ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        printf 'error: unknown argument %s; see --help.\n' "$1" >&2
        exit 2
        ;;
esac

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
databases=${CARGO_HOME:-$HOME/.cargo}/advisory-dbs

# check [OPTION]...: whether cargo-deny got as far as a verdict, which is in $said and $status.
check() {
    status=0
    said=$(timeout "$deadline" cargo deny --color never "$@" check advisories 2>&1) || status=$?
    grep -qE '^advisories (ok|FAILED)' <<<"$said"
}

# Why there was no verdict, on one line: what git said, else what cargo-deny did.
reason() {
    grep -m1 '^fatal: ' <<<"$said" || grep -m1 -F '[ERROR]' <<<"$said" || printf 'status %d\n' "$status"
}

if ! command -v cargo-deny >/dev/null 2>&1; then
    echo "skipped: cargo deny check advisories: cargo-deny is not installed"
    exit 0
fi
if ! check; then
    unreachable=$(reason)
    if ! check --offline; then
        printf 'skipped: cargo deny check advisories: the database cannot be fetched (%s), and there is no usable copy in %s\n' \
            "$unreachable" "$databases"
        exit 0
    fi
    for database in "$databases"/*/; do
        printf 'The database cannot be fetched (%s); asked is the copy of %s.\n' "$unreachable" \
            "$(git -C "$database" show --no-patch --format=%cs HEAD 2>/dev/null || echo 'unknown date')"
    done
fi
printf '%s\n' "$said"
exit "$status"
