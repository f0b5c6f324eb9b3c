#!/usr/bin/env bash
# Builds what a release consists of: static binaries, archives, checksums.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: plugin-catalog/release.sh [OPTION]... [ARCHITECTURE]...

Builds the plugin, statically linked (musl), for amd64 and arm64, or for those named. Into the output folder go
  ARCHITECTURE/vault-plugin-auth-aws                 the binary; its checksum is what the catalog wants
  vault-plugin-auth-aws_VERSION_linux_ARCHITECTURE   the same under a name to download
  vault-plugin-auth-aws_VERSION_linux_ARCHITECTURE.tar.gz
  SHA256SUMS                                         of both, for sha256sum -c

Paths of this machine and the time of the build stay out of them, as with reproduce.sh: a commit gives the same
bytes with the same compilers, and flags in the environment of the caller (RUSTFLAGS, CFLAGS) have no part in it.

Needs for each architecture the target of Rust and a C compiler for it (aws-lc is written in C):
  rustup target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl
and either zig with cargo-zigbuild, for all targets at once:
  pip install ziglang cargo-zigbuild
or musl-gcc for this machine's own architecture (Debian: musl-tools), and for the other
aarch64-linux-musl-gcc or x86_64-linux-musl-gcc. Debian's gcc-aarch64-linux-gnu is for glibc, and not enough.

Options:
  --check          say what is missing, build nothing; status 1 if something is
  --output FOLDER  default: target/dist
  -h, --help       print this text

Environment:
  CARGO   the cargo to use (default: cargo)
TEXT
}

readonly program=vault-plugin-auth-aws
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cargo=${CARGO:-cargo}
output=$root/target/dist
check_only=

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# The target of Rust for an architecture, as OCI and Go name it.
target_of() {
    case $1 in
        amd64) echo x86_64-unknown-linux-musl ;;
        arm64) echo aarch64-unknown-linux-musl ;;
        *) die "unknown architecture $1; there are amd64 and arm64." ;;
    esac
}

has_zigbuild() {
    command -v cargo-zigbuild >/dev/null 2>&1 && {
        command -v zig >/dev/null 2>&1 || "${PYTHON:-python3}" -c 'import ziglang' >/dev/null 2>&1
    }
}

# The C compiler for a target, besides zig; nothing if there is none.
compiler_of() {
    local target=$1 candidate
    local candidates=("${target%%-*}-linux-musl-gcc")
    if [[ $(uname -m) == "${target%%-*}" ]]; then
        candidates+=(musl-gcc)
    fi
    for candidate in "${candidates[@]}"; do
        if command -v "$candidate" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
}

has_target() {
    [[ -d $(rustc --print sysroot)/lib/rustlib/$1/lib ]]
}

# What an architecture lacks, a line each.
missing_for() {
    local target
    target=$(target_of "$1")
    if ! command -v "$cargo" >/dev/null 2>&1; then
        echo "$1: cargo: install Rust"
        return
    fi
    if ! has_target "$target"; then
        echo "$1: the target of Rust: rustup target add $target"
    fi
    if ! has_zigbuild && [[ -z $(compiler_of "$target") ]]; then
        echo "$1: a C compiler for $target: pip install ziglang cargo-zigbuild, or ${target%%-*}-linux-musl-gcc"
    fi
}

# When the commit was made; 0 outside of a repository.
epoch() {
    git -C "$root" show --no-patch --format=%ct HEAD 2>/dev/null || echo 0
}

build() {
    local arch=$1 target command compiler name built
    target=$(target_of "$arch")
    command=("$cargo" zigbuild)
    if ! has_zigbuild; then
        command=("$cargo" build)
        compiler=$(compiler_of "$target")
        name=${target//-/_}
        export "CC_$name=$compiler" "CARGO_TARGET_${name^^}_LINKER=$compiler"
    fi
    printf '%s: %s\n' "$arch" "${command[*]} --release --locked --bin $program --target $target"
    (
        # From the checkout, so that .cargo/config.toml is read.
        cd "$root"
        unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS CFLAGS RUSTC_WORKSPACE_WRAPPER
        LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH=$(epoch) RUSTC_WRAPPER="$root/plugin-catalog/release/rustc.sh" \
            "${command[@]}" --release --locked --bin "$program" --target "$target"
    )
    built=${CARGO_TARGET_DIR:-$root/target}/$target/release/$program
    # The first page of a program that wants a loader has its name.
    if head -c 4096 -- "$built" | grep -qa '/ld-'; then
        die "$built is not linked statically."
    fi
    pack "$arch" "$built"
}

# pack ARCHITECTURE FILE: the binary in its places, and the archive.
pack() {
    local arch=$1 file=$2 name
    name=${program}_${version}_linux_$arch
    mkdir -p "$output/$arch"
    install -m 0755 "$file" "$output/$arch/$program"
    install -m 0755 "$file" "$output/$name"
    # Without times, owners and the name of a file in the header of gzip.
    tar --create --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX \
        -C "$output/$arch" "$program" -C "$root" LICENSE | gzip -9n >"$output/$name.tar.gz"
}

main() {
    local architectures=()
    while (($# > 0)); do
        case $1 in
            --check) check_only=yes ;;
            --output)
                (($# > 1)) || die "--output wants a folder; see --help."
                shift
                output=$1
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            -*) die "unknown argument $1; see --help." ;;
            *)
                target_of "$1" >/dev/null
                architectures+=("$1")
                ;;
        esac
        shift
    done
    if ((${#architectures[@]} == 0)); then
        architectures=(amd64 arm64)
    fi

    local arch missing=
    for arch in "${architectures[@]}"; do
        missing+=$(missing_for "$arch")$'\n'
    done
    missing=$(sed '/^$/d' <<<"$missing")
    if [[ -n $missing ]]; then
        printf 'missing for %s\n' "$missing" | sed '2,$s/^/missing for /' >&2
        die "nothing was built."
    fi
    if [[ -n $check_only ]]; then
        echo "Everything is there for: ${architectures[*]}."
        exit 0
    fi

    version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    mkdir -p "$output"
    output=$(cd -- "$output" && pwd)
    for arch in "${architectures[@]}"; do
        build "$arch"
    done
    (cd "$output" && sha256sum -- "$program"_*_linux_* >SHA256SUMS && cat SHA256SUMS)
}

main "$@"
