#!/usr/bin/env python3
"""A registry on loopback that gives out one image layout, to try `bao plugin init` without a registry of your own.

It knows what a client needs to pull (the Distribution API v2, reading only) and nothing else: no users, no
encryption, no uploads. Clients take plain HTTP from 127.0.0.1 and localhost.
"""

import argparse
import http.server
import json
import pathlib
import re
import sys

INDEX = "application/vnd.oci.image.index.v1+json"
PATH = re.compile(r"/v2/(?P<repository>[a-z0-9][a-z0-9._/-]*)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Images:
    """What a layout holds, by digest and by tag."""

    def __init__(self, folder):
        self.folder = folder
        self.tags, self.media_types = {}, {}
        index = json.loads((folder / "index.json").read_bytes())
        for descriptor in index["manifests"]:
            tag = descriptor.get("annotations", {}).get("org.opencontainers.image.ref.name")
            if tag:
                self.tags[tag] = descriptor["digest"]
            self.learn(descriptor)

    def learn(self, descriptor):
        """Keeps the media type of a manifest, and those of an index's."""
        self.media_types[descriptor["digest"]] = descriptor["mediaType"]
        if descriptor["mediaType"] == INDEX:
            for inner in json.loads(self.read(descriptor["digest"]))["manifests"]:
                self.learn(inner)

    def read(self, digest):
        return (self.folder / "blobs" / digest.replace(":", "/")).read_bytes()

    def find(self, kind, reference):
        """Digest and media type; None if there is no such thing."""
        digest = self.tags.get(reference, reference) if kind == "manifests" else reference
        if not DIGEST.fullmatch(digest) or not (self.folder / "blobs" / digest.replace(":", "/")).is_file():
            return None
        if kind == "blobs":
            return digest, "application/octet-stream"
        return (digest, self.media_types[digest]) if digest in self.media_types else None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    images = None

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        path = self.path.split("?", 1)[0]
        if path in ("/v2", "/v2/"):
            return self.send(200, "application/json", b"{}", with_body)
        asked = PATH.fullmatch(path)
        found = asked and self.images.find(asked["kind"], asked["reference"])
        if not found:
            body = {"errors": [{"code": "NAME_UNKNOWN", "message": "not in this layout"}]}
            return self.send(404, "application/json", json.dumps(body).encode(), with_body)
        digest, media_type = found
        return self.send(200, media_type, self.images.read(digest), with_body, digest)

    def send(self, status, media_type, body, with_body, digest=None):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("layout", type=pathlib.Path, help="folder that build_layout.py has written")
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1 (default: a free one)")
    given = parser.parse_args()
    try:
        Handler.images = Images(given.layout)
    except OSError as error:
        sys.exit(f"error: {given.layout} is no image layout: {error}")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    print(f"127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
