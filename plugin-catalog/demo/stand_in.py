#!/usr/bin/env python3
"""Prepare a running moto server as the AWS of plugin-catalog/try.sh.

Creates one user for the server's own calls, with the permissions the README lists, and one user
that logs in; then switches signature verification on. Prints shell assignments on stdout.
Usage: stand_in.py PORT
"""

import json
import sys
import time
import urllib.request

DEADLINE_SECONDS = 60
SERVER_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeInstances",
                "iam:GetInstanceProfile",
                "iam:GetRole",
                "iam:GetUser",
                "sts:AssumeRole",
            ],
            "Resource": "*",
        }
    ],
}


def wait_until_up(url):
    """Poll the control interface of moto until it answers."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit(f"error: the stand-in at {url} did not come up in {DEADLINE_SECONDS} s.")
            time.sleep(0.1)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: stand_in.py PORT")
    url = f"http://127.0.0.1:{int(sys.argv[1])}"
    wait_until_up(url)

    import boto3

    # Not checked yet: verification starts with reset-auth below.
    iam = boto3.client(
        "iam",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="setup",
        aws_secret_access_key="setup",
    )

    def user(name, path="/"):
        arn = iam.create_user(UserName=name, Path=path)["User"]["Arn"]
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return arn, key["AccessKeyId"], key["SecretAccessKey"]

    _, server_key, server_secret = user("auth-server")
    iam.put_user_policy(
        UserName="auth-server", PolicyName="aws-auth-method", PolicyDocument=json.dumps(SERVER_POLICY)
    )
    arn, client_key, client_secret = user("alice")
    # The body is read only if it is not declared to be a form.
    request = urllib.request.Request(
        f"{url}/moto-api/reset-auth", data=b"0", headers={"Content-Type": "text/plain"}, method="POST"
    )
    urllib.request.urlopen(request, timeout=5).close()
    print(f"server_access_key={server_key}")
    print(f"server_secret_key={server_secret}")
    print(f"client_access_key={client_key}")
    print(f"client_secret_key={client_secret}")
    print(f"principal={arn}")


if __name__ == "__main__":
    try:
        main()
    except Exception as error:  # noqa: BLE001: a sentence for the user, never a stack trace
        sys.exit(f"error: the stand-in could not be prepared: {error}")
