#!/usr/bin/env python3
"""Print what the release binary is made of, as a CycloneDX 1.5 document in JSON.

Needs Python, and cargo with the packages of Cargo.lock. The packages are those that a release build compiles for
the target with the default features; those that only run while it is built have the scope "excluded". The same
checkout gives the same bytes everywhere: the time is SOURCE_DATE_EPOCH or that of the commit, and the serial number
comes from the content.

    sbom.py --binary target/release/vault-plugin-auth-aws > vault-plugin-auth-aws.cdx.json
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = "vault-plugin-auth-aws"
DEFAULT_TARGET = "x86_64-unknown-linux-gnu"
# Of the tree: depth, and `name vVERSION`, with the kind or the folder of the package in brackets.
LINE = re.compile(r"(\d+) (\S+) v(\S+)")


def cargo(*arguments):
    """What a command of cargo prints."""
    command = [os.environ.get("CARGO", "cargo"), *arguments, "--locked", "--manifest-path", str(ROOT / "Cargo.toml")]
    try:
        return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        sys.exit("error: cargo was not found: install Rust.")
    except subprocess.CalledProcessError as error:
        said = re.search(r"^error: (.*)$", error.stderr, re.MULTILINE)
        sys.exit(f"error: cargo {arguments[0]} failed: {said.group(1) if said else error.stderr.strip()}")


def graph(target, edges):
    """Every package of a build, as (name, version), with the packages it depends on.

    Of cargo tree, since cargo metadata mixes features in that only tests need.
    """
    chosen = ("--package", PROGRAM, "--target", target, "--edges", edges)
    text = cargo("tree", *chosen, "--prefix", "depth", "--format", " {p}")
    found, path = {}, []
    for line in text.splitlines():
        depth, name, version = LINE.match(line).groups()
        package = (name, version)
        del path[int(depth):]
        found.setdefault(package, set())
        if path:
            found[path[-1]].add(package)
        path.append(package)
    return found


def checksums():
    """The SHA-256 sums of the archives of packages, of Cargo.lock."""
    found = {}
    for block in (ROOT / "Cargo.lock").read_text().split("[[package]]"):
        values = dict(re.findall(r'^(name|version|checksum) = "(.*)"$', block, re.MULTILINE))
        if "checksum" in values:
            found[values["name"], values["version"]] = values["checksum"]
    return found


def purl(package, metadata):
    """The package URL; packages of this repository are in no registry."""
    if package["source"]:
        return f"pkg:cargo/{package['name']}@{package['version'].replace('+', '%2B')}"
    folder = pathlib.Path(package["manifest_path"]).parent.relative_to(metadata["workspace_root"]).as_posix()
    version = next(found["version"] for found in metadata["packages"] if found["name"] == PROGRAM)
    return f"pkg:generic/{PROGRAM}@{version}" + (f"#{folder}" if folder != "." else "")


def component(package, reference, checksum, linked):
    """A package of the graph as a component."""
    made = {
        "type": "library",
        "bom-ref": reference,
        "name": package["name"],
        "version": package["version"],
        "scope": "required" if linked else "excluded",
    }
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["license"]:
        # The form before SPDX expressions.
        expression = re.sub(r"\s*/\s*", " OR ", package["license"])
        made["licenses"] = [{"expression": expression}]
    made["purl"] = reference
    return made


def c_library(package, reference):
    """AWS-LC, which aws-lc-sys brings along: its vulnerabilities are published under its own versions."""
    header = pathlib.Path(package["manifest_path"]).parent / "aws-lc/include/openssl/base.h"
    found = re.search(r'^#define AWSLC_VERSION_NUMBER_STRING "(.+)"$', header.read_text(), re.MULTILINE)
    if not found:
        sys.exit(f"error: {header} does not say the version of AWS-LC.")
    version = found.group(1)
    made = component(package, f"pkg:github/aws/aws-lc@v{version}", None, True)
    return {**made, "name": "aws-lc", "version": version}


def timestamp():
    """The time of the document: SOURCE_DATE_EPOCH, else that of the commit, else none."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if seconds is None:
        command = ["git", "-C", str(ROOT), "show", "--no-patch", "--format=%ct", "HEAD"]
        try:
            seconds = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        except (FileNotFoundError, subprocess.CalledProcessError):
            return None
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        sys.exit(f"error: SOURCE_DATE_EPOCH is {seconds!r}, not a number of seconds.")


def document(target, binary):
    """The whole document; the binary is a path or None."""
    metadata = json.loads(cargo("metadata", "--format-version", "1", "--filter-platform", target))
    packages = {(found["name"], found["version"]): found for found in metadata["packages"]}
    built = graph(target, "normal,build")
    linked = graph(target, "normal,no-proc-macro")
    sums = checksums()
    references = {key: purl(packages[key], metadata) for key in built}
    components, depends = [], {}
    for key in built:
        depends[references[key]] = sorted(references[needed] for needed in built[key])
        if key[0] != PROGRAM:
            components.append(component(packages[key], references[key], sums.get(key), key in linked))
        if key[0] == "aws-lc-sys":
            library = c_library(packages[key], references[key])
            components.append(library)
            depends[library["bom-ref"]] = []
            depends[references[key]] = sorted([*depends[references[key]], library["bom-ref"]])
    root = next(key for key in built if key[0] == PROGRAM)
    described = {**component(packages[root], references[root], None, True), "type": "application"}
    if binary:
        described["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(binary.read_bytes()).hexdigest()}]
    made = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "sbom.py", "version": root[1]}]},
            "component": described,
            "properties": [{"name": "cargo:target", "value": target}, {"name": "cargo:features", "value": "default"}],
        },
        "components": sorted(components, key=lambda found: found["bom-ref"]),
        "dependencies": [{"ref": ref, "dependsOn": needed} for ref, needed in sorted(depends.items())],
    }
    if time := timestamp():
        made["metadata"]["timestamp"] = time
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).digest()
    # A UUID of version 8: its bits are of whoever makes it.
    number = bytearray(digest[:16])
    number[6] = number[6] & 0x0F | 0x80
    number[8] = number[8] & 0x3F | 0x80
    made["serialNumber"] = uuid.UUID(bytes=bytes(number)).urn
    return made


def main():
    parser = argparse.ArgumentParser(
        description="Print what the release binary is made of, as a CycloneDX 1.5 document in JSON. The same checkout "
        "gives the same bytes: the time is SOURCE_DATE_EPOCH or that of the commit."
    )
    parser.add_argument("--target", default=DEFAULT_TARGET, help=f"target of the build (default: {DEFAULT_TARGET})")
    parser.add_argument("--binary", type=pathlib.Path, help="the built binary, whose SHA-256 sum is put into it")
    parser.add_argument("--output", type=pathlib.Path, help="file to write (default: standard output)")
    arguments = parser.parse_args()
    try:
        text = json.dumps(document(arguments.target, arguments.binary), indent=2, sort_keys=True) + "\n"
        if arguments.output:
            arguments.output.write_text(text)
        else:
            sys.stdout.write(text)
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}.")


if __name__ == "__main__":
    main()
