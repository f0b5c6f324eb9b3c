"""The command line of a server."""

import json
import os
import shlex
import shutil
import subprocess

from .errors import Refused


class Server:
    """The command line of a server. Reads happen always, changes only if they are meant."""

    def __init__(self, dry_run):
        self.dry_run = dry_run
        self.changes = 0
        self.program = self.find()
        self.name = os.path.basename(self.program)

    @staticmethod
    def find():
        names = ["VAULT_BIN", "BAO_BIN", "vault", "bao"]
        if "BAO_ADDR" in os.environ and "VAULT_ADDR" not in os.environ:
            names = ["BAO_BIN", "VAULT_BIN", "bao", "vault"]
        for name in names:
            wanted = os.environ.get(name) if name.isupper() else name
            found = wanted and shutil.which(wanted)
            if found:
                return found
            if wanted and name.isupper():
                raise Refused(f"{name} is {wanted}, which is no program.")
        raise Refused("neither vault nor bao is on PATH; VAULT_BIN or BAO_BIN can name one.")

    def run(self, arguments):
        return subprocess.run(
            [self.program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    def read(self, *arguments, absent=()):
        """What a command that only reads has to say; None if the server says that there is nothing."""
        done = self.run(arguments)
        if done.returncode == 0:
            return json.loads(done.stdout)
        # A list of nothing is an empty object with a status of its own.
        if done.stdout.strip() == "{}" or any(words in done.stderr for words in absent):
            return None
        raise Refused(f"`{self.typed(arguments)}` failed: {last_words(done)}")

    def change(self, *arguments):
        self.show(self.typed(arguments))
        if not self.dry_run:
            done = self.run(arguments)
            if done.returncode != 0:
                raise Refused(f"the command above failed: {last_words(done)}")

    def show(self, command):
        """Shows a command that changes something, and counts it."""
        print(f"$ {command}", flush=True)
        self.changes += 1

    def typed(self, arguments):
        return shlex.join([self.name, *arguments])

    def entry(self, name, version=None, absent=()):
        """The entry of the catalog under a name and a version; None is the unversioned one."""
        pinned = [f"-version={version}"] if version else []
        absent = ("Code: 404", "No value found", "no plugin", *absent)
        entry = self.read("plugin", "info", "-format=json", *pinned, "auth", name, absent=absent)
        # Asked for the unversioned entry, a server may give the built-in method or a versioned one.
        if entry is None or (entry.get("builtin") or (entry.get("version") or "") != (version or "")):
            return None
        return entry

    def built_in_version(self, name):
        for plugin in self.catalog():
            if (plugin["name"], plugin["type"], plugin.get("builtin")) == (name, "auth", True):
                return plugin["version"]
        # An external entry without version hides it from the list.
        entry = self.read("plugin", "info", "-format=json", "auth", name, absent=("Code: 404",))
        return entry["version"] if entry and entry.get("builtin") else None

    def has_built_in(self):
        """Whether the server has a method of its own to go back to: OpenBao has none for AWS."""
        return "OpenBao" not in self.run(["version"]).stdout

    def catalog(self):
        return self.read("read", "-format=json", "sys/plugins/catalog")["data"]["detailed"]

    def mounts(self):
        return self.read("auth", "list", "-detailed", "-format=json")

    def mount(self, path, name):
        mount = self.mounts().get(f"{path}/")
        if mount is None:
            raise Refused(f"there is no mount {path}/; `register --enable` makes one.")
        if mount["type"] != name:
            raise Refused(f"the mount {path}/ is of the type {mount['type']}, not {name}.")
        return mount

    def roles(self, path):
        listed = self.read("list", "-format=json", f"auth/{path}/role", absent=("No value found",))
        return sorted(listed or [])

    def answers(self, path):
        """Whether the plugin answers there: no other method has this path."""
        done = self.run(["read", "-format=json", f"auth/{path}/status/aws"])
        return done.returncode == 0 and "calls" in json.loads(done.stdout)["data"]


def last_words(done):
    """What a failed command says the server said, or its last line."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    errors = [line[2:] for line in lines if line.startswith("* ") and not line.endswith("occurred:")]
    said = errors or lines[-1:] or [f"status {done.returncode}"]
    return said[0].rstrip(".:") + "."


class NoServer(Server):
    """For what needs no server."""

    @staticmethod
    def find():
        return ""
