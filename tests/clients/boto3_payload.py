"""Print the login payload of a script on top of boto3: the SDK signs, its headers go out as they are."""

import base64
import json
import os
import sys

import boto3


def main():
    sts = boto3.Session().client("sts", region_name=os.environ["AWS_DEFAULT_REGION"])
    server_id = os.environ.get("LOGIN_SERVER_ID")

    def add_server_id(request, **_):
        if server_id:
            request.headers["X-Vault-AWS-IAM-Server-ID"] = server_id

    def keep(request, **_):
        raise Prepared(request)

    sts.meta.events.register("before-sign.sts.GetCallerIdentity", add_server_id)
    sts.meta.events.register("before-send.sts.GetCallerIdentity", keep)
    try:
        sts.get_caller_identity()
    except Prepared as prepared:
        request = prepared.request
    headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    body = request.body if isinstance(request.body, bytes) else request.body.encode()
    payload = {
        "iam_http_request_method": request.method,
        "iam_request_url": base64.b64encode(request.url.encode()).decode(),
        "iam_request_body": base64.b64encode(body).decode(),
        "iam_request_headers": base64.b64encode(json.dumps(headers).encode()).decode(),
    }
    if os.environ.get("LOGIN_ROLE"):
        payload["role"] = os.environ["LOGIN_ROLE"]
    json.dump(payload, sys.stdout)


class Prepared(Exception):
    """Carries the signed request out of the SDK instead of sending it."""

    def __init__(self, request):
        super().__init__("the request is signed")
        self.request = request


if __name__ == "__main__":
    main()
