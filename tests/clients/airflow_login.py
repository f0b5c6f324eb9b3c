"""Log in with Airflow's Vault client to the mount aws and print the token as the server's answer has it."""

import json
import os
import sys

from airflow.providers.hashicorp._internal_client.vault_client import _VaultClient


def main():
    client = _VaultClient(
        url=os.environ["VAULT_ADDR"],
        auth_type="aws_iam",
        key_id=os.environ["AWS_ACCESS_KEY_ID"],
        secret_id=os.environ["AWS_SECRET_ACCESS_KEY"],
        role_id=os.environ.get("LOGIN_ROLE"),
        region=os.environ["AWS_DEFAULT_REGION"],
    )
    json.dump({"auth": {"client_token": client.client.token}}, sys.stdout)


if __name__ == "__main__":
    main()
