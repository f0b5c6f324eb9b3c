"""Verify an identity token with the keys that its issuer publishes, and print its claims as JSON."""

import json
import os
import sys

import jwt


def main():
    token = os.environ["TOKEN"]
    try:
        key = jwt.PyJWKClient(os.environ["KEYS_URL"]).get_signing_key_from_jwt(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256", "ES256"],
            audience=os.environ["AUDIENCE"],
            issuer=os.environ["ISSUER"],
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]},
        )
    except jwt.PyJWTError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    json.dump(claims, sys.stdout)


if __name__ == "__main__":
    main()
