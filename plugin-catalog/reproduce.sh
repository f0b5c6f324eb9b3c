#!/usr/bin/env bash
# Builds the release binary so that whoever builds it gets the same bytes, and proves it.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: plugin-catalog/reproduce.sh [OPTION]...

Builds the release binary of a commit twice, from two copies of its sources in different folders, with
different folders for what is built and for the sources of dependencies, and compares the SHA-256 sums.
If they are equal, the output folder gets
  vault-plugin-auth-aws_VERSION_TARGET            the binary; the sum of this file is what a catalog wants
  vault-plugin-auth-aws_VERSION_TARGET.cdx.json   what it is made of (CycloneDX, of sbom.py)
  vault-plugin-auth-aws_VERSION_TARGET.tar.gz     both, the licence and BUILDINFO
  BUILDINFO                                       commit, compilers and flags: what must be equal for equal bytes
  SHA256SUMS                                      of all of them, for sha256sum -c
Uncommitted changes are not in it. A build takes minutes and 1.5 GB, which are given back.

Options:
  --commit REV     what is built (default: HEAD)
  --target TARGET  for which target of Rust (default: that of this machine); with cargo-zigbuild where it is
                   installed and the target is another, else with the C compiler and linker in the environment
  --against SUM    build once, and compare with this SHA-256 sum or with this file
  --output FOLDER  default: target/reproduce
  --keep           keep the folders of the builds
  -h, --help       print this text

Environment:
  CARGO   the cargo to use (default: cargo); TMPDIR, where the copies are (default: /tmp)
  PYTHON  Python interpreter of sbom.py (default: python3)
Of the rest only what finds and feeds the compilers is handed on: PATH, HOME, CARGO_HOME, RUSTUP_HOME,
RUSTUP_TOOLCHAIN, CC, CC_<target>, CARGO_TARGET_<TARGET>_LINKER, CARGO_NET_OFFLINE, CARGO_BUILD_JOBS,
SSL_CERT_FILE and the proxy.

Status: 0 the sums are equal, 1 they differ, 2 it could not be tried.
TEXT
}

readonly program=vault-plugin-auth-aws
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cargo=${CARGO:-cargo}
python=${PYTHON:-python3}
commit=HEAD
target=
against=
output=$root/target/reproduce
keep=
work=

die() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

step() {
    printf '\n==> %s (at %d s)\n' "$1" "$SECONDS"
}

cleanup() {
    local status=$?
    trap - EXIT
    if [[ -n $work && -n $keep ]]; then
        printf '\nThe builds are in %s.\n' "$work"
    elif [[ -n $work ]]; then
        rm -rf -- "$work"
    fi
    exit "$status"
}

trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

sum_of() {
    sha256sum -- "$1" | cut -d' ' -f1
}

# clean COMMAND...: runs it without the variables that change what compilers make.
clean() {
    local name kept=()
    local triple=${target//-/_}
    for name in PATH HOME RUSTUP_HOME RUSTUP_TOOLCHAIN CC "CC_$triple" "CARGO_TARGET_${triple^^}_LINKER" \
        CARGO_NET_OFFLINE CARGO_BUILD_JOBS SSL_CERT_FILE http_proxy https_proxy HTTPS_PROXY no_proxy NO_PROXY; do
        if [[ -n ${!name:-} ]]; then
            kept+=("$name=${!name}")
        fi
    done
    env -i "${kept[@]}" LC_ALL=C TZ=UTC SOURCE_DATE_EPOCH="$epoch" "$@"
}

# A home of cargo that shares what was downloaded with the caller's, and nothing that was unpacked.
home_beside() {
    local home=$1 shared=${CARGO_HOME:-$HOME/.cargo} name
    mkdir -p "$home/registry"
    for name in registry/index registry/cache config.toml credentials.toml; do
        if [[ -e $shared/$name ]]; then
            ln -s "$shared/$name" "$home/$name"
        fi
    done
}

# build SOURCE FOLDER HOME: the sources into a new folder, and from them the binary into another.
build() {
    local source=$1 built=$2 home=$3 command=build
    if [[ $target != "$host" ]] && command -v cargo-zigbuild >/dev/null 2>&1; then
        command=zigbuild
    fi
    mkdir -p "$source"
    git -C "$root" archive --format=tar "$commit" | tar --extract -C "$source"
    # From the sources, so that .cargo/config.toml is read.
    (
        cd "$source"
        clean CARGO_HOME="$home" CARGO_TARGET_DIR="$built" RUSTC_WRAPPER="$source/plugin-catalog/release/rustc.sh" \
            "$cargo" "$command" --release --locked --bin "$program" --target "$target"
    )
}

# What the bytes depend on, beside the sources.
build_info() {
    printf 'commit: %s\ntarget: %s\nSOURCE_DATE_EPOCH: %s\n' "$commit" "$target" "$epoch"
    rustc -vV | sed 's/^/rustc: /'
    printf 'cargo: %s\n' "$("$cargo" --version)"
    printf 'cc: %s\n' "$("${CC:-cc}" --version | head -n 1)"
    printf 'libc: %s\n' "$(ldd --version 2>&1 | head -n 1)"
}

main() {
    while (($# > 0)); do
        case $1 in
            --commit | --target | --against | --output)
                (($# > 1)) || die "$1 wants a value; see --help."
                declare -g "${1#--}=$2"
                shift
                ;;
            --keep) keep=yes ;;
            -h | --help)
                usage
                exit 0
                ;;
            *) die "unknown argument $1; see --help." ;;
        esac
        shift
    done
    local tool expected='' first second version name
    for tool in git tar sha256sum rustc "$cargo" "$python" "${CC:-cc}"; do
        command -v "$tool" >/dev/null 2>&1 || die "$tool was not found."
    done
    if [[ -n $against ]]; then
        expected=${against,,}
        if [[ -f $against ]]; then
            expected=$(sum_of "$against")
        fi
        [[ $expected =~ ^[0-9a-f]{64}$ ]] || die "$against is neither a file nor a SHA-256 sum."
    fi
    commit=$(git -C "$root" rev-parse --verify --quiet "$commit^{commit}") || die "there is no such commit."
    epoch=$(git -C "$root" show --no-patch --format=%ct "$commit")
    host=$(rustc -vV | sed -n 's/^host: //p')
    target=${target:-$host}
    work=$(mktemp -d)

    step "Building $commit"
    build "$work/one" "$work/one/target" "${CARGO_HOME:-$HOME/.cargo}"
    first=$work/one/target/$target/release/$program
    printf '%s  first build\n' "$(sum_of "$first")"
    if [[ -z $expected ]]; then
        step "Building it again, elsewhere"
        home_beside "$work/other/home of cargo"
        build "$work/other/folder with a long name" "$work/other/built" "$work/other/home of cargo"
        second=$work/other/built/$target/release/$program
        expected=$(sum_of "$second")
        printf '%s  second build\n' "$expected"
    fi
    if [[ $(sum_of "$first") != "$expected" ]]; then
        printf '\nThe sums differ: %s was built, not %s.\n' "$(sum_of "$first")" "$expected" >&2
        echo "Compare BUILDINFO of the other build with this:" >&2
        build_info >&2
        exit 1
    fi

    step "The sums are equal"
    version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$work/one/Cargo.toml")
    name=${program}_${version}_$target
    mkdir -p "$output"
    build_info >"$output/BUILDINFO"
    clean CARGO="$cargo" CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" "$python" "$work/one/plugin-catalog/sbom.py" \
        --target "$target" --binary "$first" --output "$output/$name.cdx.json"
    SOURCE_DATE_EPOCH=$epoch "$work/one/plugin-catalog/sums.sh" --output "$output" --name "$name" "$first"
}

main "$@"
