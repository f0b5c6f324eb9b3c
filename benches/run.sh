#!/usr/bin/env bash
# Measures the plugin as it is released.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: benches/run.sh [OPTIONS OF THE LOAD BENCH]

Builds the plugin as it is released, then the load bench, and runs it on that plugin: prints a table,
writes target/load/figures.json and the pictures beside it. About twenty minutes after the builds; let
nothing else run meanwhile.

  benches/run.sh                       every figure
  benches/run.sh --only cpu,memory     some groups
  benches/run.sh --other PATH          a second plugin beside it, with ratios
  benches/run.sh --only abuse          honest logins while strangers attack
  VAULT_BIN=PATH benches/run.sh --only real-host
                                       through a whole Vault, beside its built-in method
  BAO_BIN=PATH benches/run.sh --only single-use
                                       single use through a whole OpenBao, on one node and on three
  benches/run.sh -- --help             all options
TEXT
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    --) shift ;;
esac

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
cargo build --release
# The bench builds a plugin of its own in the same place, with the features that tests need.
mkdir -p target/load
cp target/release/vault-plugin-auth-aws target/load/vault-plugin-auth-aws
exec cargo bench --bench load -- --plugin target/load/vault-plugin-auth-aws "$@"
