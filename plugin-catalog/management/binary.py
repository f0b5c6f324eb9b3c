"""The binary: its checksum, its version, its place in the plugin directory."""

import hashlib
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

from .errors import Refused

PROGRAM = "vault-plugin-auth-aws"


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def expected_sum(given):
    """The sum that the binary must have, by a file of sums or by itself."""
    if given.sha256:
        return given.sha256.lower()
    listed = {}
    for line in given.sums.read_text().splitlines():
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *](.+)", line)
        if match:
            listed[match[2]] = match[1].lower()
    name = given.binary.name
    if name not in listed:
        raise Refused(f"{given.sums} has no line for {name}; it lists {', '.join(listed) or 'nothing'}.")
    return listed[name]


def checked_sum(given):
    wanted, found = expected_sum(given), sha256(given.binary)
    if wanted != found:
        raise Refused(f"{given.binary} has the checksum {found}, and not {wanted}: nothing was changed.")
    return found


def version_of(given):
    """The version to register, such as v0.1.0: as told, or as the binary tells."""
    version = given.version
    if not version:
        try:
            said = subprocess.run([given.binary.resolve(), "--version"], capture_output=True, text=True, check=False)
            version = "v" + re.fullmatch(rf"{PROGRAM} (\S+)\n", said.stdout)[1]
        except (OSError, TypeError) as error:
            raise Refused(f"{given.binary} does not tell its version here; --version can.") from error
    if not re.fullmatch(r"v\d+\.\d+\.\d+([-+].+)?", version):
        raise Refused(f"{version} is no version such as v0.1.0.")
    return version


def file_name(given):
    """Its name in the plugin directory, which has the version."""
    return given.file_name or f"{PROGRAM}-{version_of(given).lstrip('v')}"


def place(server, given, found):
    """The binary in the plugin directory, under a name with its version; returns the name."""
    name = file_name(given)
    target = given.plugin_directory / name
    if not given.plugin_directory.is_dir():
        raise Refused(f"{given.plugin_directory} is no folder of this machine.")
    if target.exists():
        if sha256(target) != found:
            raise Refused(
                f"{target} is there with another checksum. The file of a running version must stay as it is: "
                "give the new one another name with --file-name."
            )
        return name
    server.show(shlex.join(["install", "-m", "0755", str(given.binary), str(target)]))
    if not server.dry_run:
        # Under its name it is whole from the start.
        with tempfile.NamedTemporaryFile(dir=given.plugin_directory, prefix=f".{name}.", delete=False) as file:
            temporary = pathlib.Path(file.name)
        try:
            shutil.copyfile(given.binary, temporary)
            if sha256(temporary) != found:
                raise Refused(f"{given.binary} was changed while it was copied.")
            temporary.chmod(0o755)
            temporary.rename(target)
        finally:
            temporary.unlink(missing_ok=True)
    return name
