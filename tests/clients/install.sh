#!/usr/bin/env bash
# Installs clients for the tests of real logins under target/clients/; see --help.
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(cd -- "$here/../.." && pwd)
all=(node go vaultrs spring ansible airflow)

usage() {
    cat <<TEXT
Usage: tests/clients/install.sh [CLIENT...]

Builds clients that nobody here wrote under target/clients/, each with a program 'login' that the
tests run against real servers. Then run them with

    cargo test --test integration clients

CLIENT is one of ${all[*]}; without any, all of them are installed, which takes
some minutes. hvac and boto3 are installed by tests/run.sh, and so is node where npm is found.
TEXT
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

needs() {
    command -v "$1" >/dev/null 2>&1 || die "$1 was not found: the client $2 needs it."
}

# wrapper FOLDER COMMAND: the program that the tests run.
wrapper() {
    printf '#!/usr/bin/env bash\nexport PATH=%q:"$PATH"\nexec %s\n' "$1/venv/bin" "$2" >"$1/login.new"
    chmod +x "$1/login.new"
    mv "$1/login.new" "$1/login"
}

# python_client FOLDER REQUIREMENT...
python_client() {
    local folder=$1
    shift
    needs "${PYTHON:-python3}" "$(basename "$folder")"
    "${PYTHON:-python3}" -m venv "$folder/venv"
    "$folder/venv/bin/pip" install --disable-pip-version-check --no-input -q "$@"
}

install_client() {
    local folder=$root/target/clients/$1
    mkdir -p "$folder"
    case $1 in
        node)
            needs npm node
            cp "$here/node/package.json" "$here/node/login.js" "$folder/"
            (cd "$folder" && npm install --no-audit --no-fund --no-package-lock --silent)
            wrapper "$folder" "node $(printf %q "$folder/login.js")"
            ;;
        go)
            needs go go
            (cd "$here/go" && go build -o "$folder/go-login" .)
            wrapper "$folder" "$(printf %q "$folder/go-login")"
            ;;
        vaultrs)
            (cd "$here/vaultrs" && cargo build --quiet --target-dir "$folder/target")
            wrapper "$folder" "$(printf %q "$folder/target/debug/vaultrs-login")"
            ;;
        spring)
            needs mvn spring
            needs java spring
            cp -r "$here/spring/." "$folder/"
            (cd "$folder" && mvn -q compile dependency:build-classpath -Dmdep.outputFile=classpath)
            wrapper "$folder" "java -cp $(printf %q "$folder/target/classes:$(cat "$folder/classpath")") Login"
            ;;
        ansible)
            python_client "$folder" 'ansible==11.13.0' hvac==2.4.0 boto3==1.44.5
            wrapper "$folder" "$(printf %q "$here/ansible_login.sh")"
            ;;
        airflow)
            python_client "$folder" apache-airflow==3.3.2 apache-airflow-providers-hashicorp==4.8.4 boto3==1.44.5
            wrapper "$folder" "python $(printf %q "$here/airflow_login.py")"
            ;;
        *) die "unknown client $1; see --help." ;;
    esac
}

case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
esac
clients=("$@")
((${#clients[@]} > 0)) || clients=("${all[@]}")
for client in "${clients[@]}"; do
    printf 'Installing %s (at %d s)\n' "$client" "$SECONDS"
    install_client "$client"
done
