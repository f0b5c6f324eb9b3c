#!/usr/bin/env python3
"""Packs built plugins into an OCI image layout, for the `plugin` stanza of OpenBao.

The image is FROM scratch: one layer with the binary in the root folder, and the binary as its entrypoint. One
binary makes an image, two of different architectures make an index of two images. The same binaries give the same
bytes on every machine: no time, no user and no compression goes into them.

Prints the digest of the image, and for each architecture what `sha256sum` in the stanza has to be.
"""

import argparse
import hashlib
import io
import json
import pathlib
import re
import shutil
import sys
import tarfile

NAME = "vault-plugin-auth-aws"
# As ELF numbers machines, and as OCI names them.
MACHINES = {62: "amd64", 183: "arm64"}
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
# Not compressed: what a compressor writes depends on its version.
LAYER = "application/vnd.oci.image.layer.v1.tar"
EPOCH = "1970-01-01T00:00:00Z"


class Refused(Exception):
    """Something is wrong with what was given; the text is for its giver."""


def architecture(path, binary):
    """The architecture of a Linux program, from its ELF header."""
    if binary[:4] != b"\x7fELF" or len(binary) < 20:
        raise Refused(f"{path} is no Linux program.")
    if binary[4:6] != b"\x02\x01":
        raise Refused(f"{path} is not for 64 bits, little-endian.")
    machine = int.from_bytes(binary[18:20], "little")
    if machine not in MACHINES:
        raise Refused(f"{path} is for none of {', '.join(MACHINES.values())} (ELF machine {machine}).")
    return MACHINES[machine]


def is_static(binary):
    """Whether an ELF program asks for no interpreter, which is the dynamic linker."""
    table = int.from_bytes(binary[32:40], "little")
    size = int.from_bytes(binary[54:56], "little")
    count = int.from_bytes(binary[56:58], "little")
    headers = (binary[table + size * number :][:4] for number in range(count))
    return all(int.from_bytes(header, "little") != 3 for header in headers)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def add_file(archive, name, data, mode):
    """A file without time or owner."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(data))


def layer(binary):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        add_file(archive, NAME, binary, 0o755)
    return buffer.getvalue()


class Layout:
    """The files of an image layout, by path."""

    def __init__(self):
        self.files = {"oci-layout": canonical({"imageLayoutVersion": "1.0.0"})}

    def blob(self, media_type, data):
        """Takes a blob; returns its descriptor."""
        digest = sha256(data)
        self.files[f"blobs/sha256/{digest}"] = data
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def image(self, arch, binary, annotations):
        """Takes an image of one binary; returns the descriptor of its manifest."""
        data = layer(binary)
        config = {
            "architecture": arch,
            "os": "linux",
            "created": EPOCH,
            "config": {"Entrypoint": [f"/{NAME}"], "Labels": annotations},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(data)}"]},
            "history": [{"created": EPOCH, "created_by": f"COPY {NAME} /"}],
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(CONFIG, canonical(config)),
            "layers": [self.blob(LAYER, data)],
            "annotations": annotations,
        }
        return self.blob(MANIFEST, canonical(manifest))

    def index(self, descriptors, annotations):
        """Takes an index of images."""
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": descriptors,
            "annotations": annotations,
        }
        return self.blob(INDEX, canonical(index))

    def name(self, descriptor, tag):
        """Makes an image or index the one of the layout, under a tag."""
        named = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}
        self.files["index.json"] = canonical(index)

    def write_folder(self, folder):
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def write_archive(self, path):
        with tarfile.open(path, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name in sorted(self.files):
                add_file(archive, name, self.files[name], 0o644)


def build(binaries, tag):
    """The layout of binaries, its digest, and the sum of each binary by its architecture."""
    annotations = {"org.opencontainers.image.title": NAME, "org.opencontainers.image.version": tag}
    layout, descriptors, sums = Layout(), {}, {}
    for path in binaries:
        binary = path.read_bytes()
        arch = architecture(path, binary)
        if arch in sums:
            raise Refused(f"{path} is a second binary for {arch}.")
        if not is_static(binary):
            print(
                f"warning: {path} is linked dynamically: it runs where its C library is, and not in a "
                "container made from this image.",
                file=sys.stderr,
            )
        sums[arch] = sha256(binary)
        platform = {"architecture": arch, "os": "linux"}
        descriptors[arch] = {**layout.image(arch, binary, annotations), "platform": platform}
    in_order = [descriptors[arch] for arch in sorted(descriptors)]
    top = in_order[0] if len(in_order) == 1 else layout.index(in_order, annotations)
    layout.name(top, tag)
    return layout, top["digest"], sums


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("binaries", nargs="+", type=pathlib.Path, metavar="BINARY")
    parser.add_argument("--version", required=True, help="version with its v, which is the tag: v0.1.0")
    parser.add_argument(
        "--output",
        required=True,
        type=pathlib.Path,
        help="folder of the layout, made new; or a .tar file",
    )
    return parser.parse_args()


def main():
    given = arguments()
    if not re.fullmatch(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", given.version):
        raise Refused(f"{given.version} is no version such as v0.1.0.")
    layout, digest, sums = build(given.binaries, given.version)
    if given.output.suffix == ".tar":
        layout.write_archive(given.output)
    else:
        if given.output.exists():
            if not (given.output / "oci-layout").is_file():
                raise Refused(f"{given.output} is there and is no image layout.")
            shutil.rmtree(given.output)
        layout.write_folder(given.output)
    print(f"image         {digest}")
    for arch in sorted(sums):
        print(f"binary {arch}  {sums[arch]}")


if __name__ == "__main__":
    try:
        main()
    except (Refused, OSError) as error:
        sys.exit(f"error: {error}")
