#!/bin/sh
# Compiles what cargo asks for, so that no folder of this machine gets into the result; cargo runs it as
# RUSTC_WRAPPER. In RUSTFLAGS the folders would become part of the names that cargo gives to what it builds,
# and through them of the bytes; cargo's own `trim-paths` is not stable.
set -eu

compiler=$1
shift
checkout=$(cd -- "$(dirname -- "$0")/../.." && pwd)

# The compiler tries the last one first.
set -- "$@" "--remap-path-prefix=$checkout=/src"
case ${CARGO_MANIFEST_DIR:-$checkout} in
    "$checkout" | "$checkout"/*) ;;
    # A package of a registry: /crates/NAME-VERSION, wherever cargo keeps it.
    *) set -- "$@" "--remap-path-prefix=${CARGO_MANIFEST_DIR%/*}=/crates" ;;
esac
# What build scripts generate.
if [ -n "${OUT_DIR:-}" ]; then
    set -- "$@" "--remap-path-prefix=$OUT_DIR=/generated"
fi
# The standard library's source as the compiler calls it where the component rust-src is not installed.
case " $* " in
    *' --crate-name '*)
        commit=$("$compiler" -vV | sed -n 's/^commit-hash: //p')
        sources=$("$compiler" --print sysroot)/lib/rustlib/src/rust
        set -- "$@" "--remap-path-prefix=$sources=/rustc/$commit"
        ;;
esac
exec "$compiler" "$@"
