#!/usr/bin/env python3
"""Print the login payload of the AWS auth method: a signed sts:GetCallerIdentity request, as JSON.

Needs nothing but Python. The credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_SESSION_TOKEN; where boto3 is installed, else from wherever the AWS tools take them: profiles, web
identity, containers, instance roles. The login is sent nowhere; --principal asks STS.

    sign_login.py --role dev | bao write auth/aws/login -
    sign_login.py --role dev | curl --data @- "$VAULT_ADDR/v1/auth/aws/login"
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import json
import os
import re
import sys
import urllib.error
import urllib.request

STS_URL = "https://sts.amazonaws.com/"
STS_HOST = "sts.amazonaws.com"
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
SERVER_ID_HEADER = "X-Vault-AWS-IAM-Server-ID"
TIMEOUT_SECONDS = 15


def credentials():
    """Access key, secret key, and session token or None."""
    access_key = os.environ.get("AWS_ACCESS_KEY_ID")
    secret_key = os.environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return access_key, secret_key, os.environ.get("AWS_SESSION_TOKEN")
    try:
        import botocore.session
    except ImportError:
        sys.exit(
            "error: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set; profiles and roles are read where "
            "boto3 is installed."
        )
    try:
        found = botocore.session.Session().get_credentials()
        found = found and found.get_frozen_credentials()
    except Exception as error:  # noqa: BLE001: every source has errors of its own
        sys.exit(f"error: boto3 could not get AWS credentials: {error}")
    if not found:
        sys.exit("error: there are no AWS credentials, neither in the environment nor where boto3 looks for them.")
    return found.access_key, found.secret_key, found.token


def signed_headers(region, server_id):
    """The headers of the request, Authorization included (Signature Version 4)."""
    access_key, secret_key, session_token = credentials()
    timestamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "Content-Length": str(len(BODY)),
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Host": STS_HOST,
        "X-Amz-Date": timestamp,
    }
    if session_token:
        headers["X-Amz-Security-Token"] = session_token
    if server_id:
        headers[SERVER_ID_HEADER] = server_id

    lowered = sorted((name.lower(), value) for name, value in headers.items())
    names = ";".join(name for name, _ in lowered)
    canonical_headers = "".join(f"{name}:{value}\n" for name, value in lowered)
    canonical = "\n".join(["POST", "/", "", canonical_headers, names, hashlib.sha256(BODY).hexdigest()])
    scope = f"{timestamp[:8]}/{region}/sts/aws4_request"
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", timestamp, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )

    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def payload(headers, role):
    """The login payload, in the form every client of the method sends."""

    def encode(data):
        return base64.b64encode(data).decode()

    fields = {
        "iam_http_request_method": "POST",
        "iam_request_url": encode(STS_URL.encode()),
        "iam_request_body": encode(BODY),
        "iam_request_headers": encode(json.dumps({name: [value] for name, value in headers.items()}).encode()),
    }
    if role:
        fields["role"] = role
    return fields


def principal(headers):
    """Ask STS who the caller is; the ARN to put into bound_iam_principal_arn."""
    request = urllib.request.Request(STS_URL, data=BODY, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            text = answer.read(65536).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        text = error.read(65536).decode("utf-8", "replace")
        message = re.search(r"<Message>([^<]*)</Message>", text)
        sys.exit(f"error: STS refused the credentials: {message.group(1) if message else error}")
    except OSError as error:
        reason = getattr(error, "reason", error)
        sys.exit(f"error: STS could not be reached at {STS_URL}: {reason}")
    found = re.search(r"<Arn>([^<]+)</Arn>", text)
    if not found:
        sys.exit("error: the answer of STS names no ARN.")
    arn = found.group(1)
    user = re.fullmatch(r"arn:([^:]+):iam::(\d+):user/(?:.*/)?([^/]+)", arn)
    if user:
        return "arn:{}:iam::{}:user/{}".format(*user.groups())
    role = re.fullmatch(r"arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/.+", arn)
    if role:
        return "arn:{}:iam::{}:role/{}".format(*role.groups())
    sys.exit(f"error: {arn} is neither a user nor an assumed role; nobody else can log in.")


def main():
    parser = argparse.ArgumentParser(
        description="Print the login payload of the AWS auth method: a signed sts:GetCallerIdentity "
        "request, as JSON. Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and "
        "AWS_SESSION_TOKEN, or else, where boto3 is installed, from where the AWS tools take them."
    )
    parser.add_argument("--role", default="", help="role to log in to (default: named after the principal)")
    parser.add_argument("--server-id", default="", help=f"value of {SERVER_ID_HEADER}, if the mount wants one")
    parser.add_argument("--region", default="us-east-1", help="region of the credential scope (default: us-east-1)")
    parser.add_argument(
        "--principal",
        action="store_true",
        help="send the request to STS instead, and print the ARN to bind a role to",
    )
    arguments = parser.parse_args()
    headers = signed_headers(arguments.region, arguments.server_id)
    try:
        print(principal(headers) if arguments.principal else json.dumps(payload(headers, arguments.role)), flush=True)
    except BrokenPipeError:
        # Whoever was to read this has gone, and says itself whether it had what it wanted. Python would say so
        # once more when it closes its output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
