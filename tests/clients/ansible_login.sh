#!/usr/bin/env bash
# Logs in with Ansible's community.hashi_vault to the mount aws and prints the token as the server's answer has it.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
export ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_HOME=${HOME:-/tmp}/.ansible
output=$(ansible localhost -i localhost, -c local -m community.hashi_vault.vault_login -e "ansible_python_interpreter=$(command -v python)" \
    -a "url=$VAULT_ADDR auth_method=aws_iam role_id=${LOGIN_ROLE:-} aws_access_key=$AWS_ACCESS_KEY_ID aws_secret_key=$AWS_SECRET_ACCESS_KEY region=$AWS_DEFAULT_REGION aws_iam_server_id=${LOGIN_SERVER_ID:-}")
printf '%s\n' "$output" | sed '1s/.*=> //' | python -c 'import json, sys; print(json.dumps(json.load(sys.stdin)["login"]))'
