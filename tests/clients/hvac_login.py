"""Log in with hvac to the mount aws and print the answer of the server as JSON."""

import json
import os
import sys

import hvac


def main():
    client = hvac.Client(url=os.environ["VAULT_ADDR"])
    try:
        answer = client.auth.aws.iam_login(
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            session_token=os.environ.get("AWS_SESSION_TOKEN"),
            header_value=os.environ.get("LOGIN_SERVER_ID"),
            role=os.environ.get("LOGIN_ROLE"),
            region=os.environ["AWS_DEFAULT_REGION"],
        )
    except hvac.exceptions.VaultError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
