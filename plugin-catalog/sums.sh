#!/usr/bin/env bash
# Packs a built binary for download, and writes the checksums of everything beside it.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: plugin-catalog/sums.sh --name NAME [--output FOLDER] BINARY

Puts into the output folder the binary as NAME, and NAME.tar.gz with the binary (as vault-plugin-auth-aws), the
licence, and NAME.cdx.json and BUILDINFO where they lie in the folder; then writes SHA256SUMS of all files there.
The same files make the same archive.

A catalog wants the sum of the binary itself, as the line of NAME says it, not that of the archive:
  sha256sum --check --ignore-missing SHA256SUMS

Options:
  --name NAME      what the download is called, with version and target
  --output FOLDER  default: target/dist
  -h, --help       print this text
TEXT
}

readonly program=vault-plugin-auth-aws
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# pack FOLDER NAME: the archive, without times, owners and the name of a file in the header of gzip.
pack() {
    local folder=$1 name=$2 file
    local staging=$folder/.staging
    rm -rf -- "$staging"
    mkdir "$staging"
    install -m 0755 "$folder/$name" "$staging/$program"
    install -m 0644 "$root/LICENSE" "$staging/LICENSE"
    for file in "$name.cdx.json" BUILDINFO; do
        if [[ -e $folder/$file ]]; then
            install -m 0644 "$folder/$file" "$staging/$file"
        fi
    done
    LC_ALL=C tar --create --format=ustar --sort=name --mtime=@"${SOURCE_DATE_EPOCH:-0}" --owner=0 --group=0 --numeric-owner \
        --mode=go=rX,u+rw -C "$staging" . | gzip -9n >"$folder/$name.tar.gz"
    rm -rf -- "$staging"
}

main() {
    local name='' output='' binary=''
    while (($# > 0)); do
        case $1 in
            --name | --output)
                (($# > 1)) || die "$1 wants a value; see --help."
                if [[ $1 == --name ]]; then name=$2; else output=$2; fi
                shift
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            -*) die "unknown argument $1; see --help." ;;
            *)
                [[ -z $binary ]] || die "there is one binary; see --help."
                binary=$1
                ;;
        esac
        shift
    done
    [[ -n $binary ]] || die "no binary is named; see --help."
    [[ -f $binary ]] || die "$binary is not a file."
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ ]] || die "--name wants a file name; see --help."
    output=${output:-$root/target/dist}
    mkdir -p -- "$output"
    output=$(cd -- "$output" && pwd)
    if ! [[ $binary -ef $output/$name ]]; then
        install -m 0755 "$binary" "$output/$name"
    fi
    pack "$output" "$name"
    (
        cd "$output"
        export LC_ALL=C
        find . -maxdepth 1 -type f ! -name '.*' ! -name SHA256SUMS -printf '%P\0' | sort --zero-terminated |
            xargs --null sha256sum -- >SHA256SUMS
        cat SHA256SUMS
    )
}

main "$@"
