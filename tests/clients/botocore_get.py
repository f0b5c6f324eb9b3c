"""Print the login payload of a GET that botocore signs in the Authorization header, for the URL of a region."""

import base64
import json
import os
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session


def main():
    region = os.environ["AWS_DEFAULT_REGION"]
    url = f"https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    headers = {}
    if os.environ.get("LOGIN_SERVER_ID"):
        headers["X-Vault-AWS-IAM-Server-ID"] = os.environ["LOGIN_SERVER_ID"]
    request = AWSRequest("GET", url, headers)
    SigV4Auth(Session().get_credentials(), "sts", region).add_auth(request)
    payload = {
        "iam_http_request_method": request.method,
        "iam_request_url": base64.b64encode(request.url.encode()).decode(),
        "iam_request_headers": base64.b64encode(json.dumps(dict(request.headers)).encode()).decode(),
    }
    if os.environ.get("LOGIN_ROLE"):
        payload["role"] = os.environ["LOGIN_ROLE"]
    json.dump(payload, sys.stdout)


if __name__ == "__main__":
    main()
