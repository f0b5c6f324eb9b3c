#!/usr/bin/env python3
"""Puts the plugin into the catalog of a Vault or OpenBao server, brings mounts to a new version and back.

It types what you would type into `vault` or `bao`, shows each command that changes something, and looks at the
result: the checksum before, and after a reload that the mount runs that very file, that the plugin answers, and that
the roles of the mount are the ones it had. If not, it puts back what was there. What is as it should be is not touched,
so a second run changes nothing.
"""

import argparse
import os
import pathlib
import re
import shlex
import sys
import time

# A checkout stays as it is.
sys.dont_write_bytecode = True

from management.binary import PROGRAM, checked_sum, file_name, place, sha256, version_of  # noqa: E402
from management.errors import Refused, Unhealthy  # noqa: E402
from management.server import NoServer, Server  # noqa: E402

POLL_SECONDS = 0.5
BUILT_IN = "builtin"
EPILOG = """\
The server is that of VAULT_ADDR and VAULT_TOKEN, or BAO_ADDR and BAO_TOKEN, and whatever else the command line reads.
The command line is the first of $VAULT_BIN, $BAO_BIN, vault on PATH, bao on PATH; with BAO_ADDR and no VAULT_ADDR,
those of OpenBao come first. Its token needs plugin-catalog/manage-policy.hcl.

The plugin directory is a folder of this machine. Run `place` on every other node first; a reload acts on one node, unless
--scope=global does something on your server.
"""


# --- The catalog ---------------------------------------------------------------------------------


def is_entry(entry, command, checksum):
    return bool(entry) and entry["sha256"] == checksum and os.path.basename(entry["command"]) == command


def register(server, name, command, checksum, version):
    pinned = [f"-version={version}"] if version else []
    server.change("plugin", "register", f"-sha256={checksum}", f"-command={command}", *pinned, "auth", name)


def add_entry(server, given, version):
    """The file in its place and in the catalog, which keeps an entry that is there; returns the checksum."""
    found = checked_sum(given)
    entry = server.entry(given.name, version)
    same = is_entry(entry, file_name(given), found)
    if entry and not same:
        what = f"version {version}" if version else "unversioned entry"
        hint = "register it under another --version" if version else "`upgrade` replaces it, and looks at the result"
        raise Refused(f"the {what} of {given.name} is another file, {entry['command']}: {hint}.")
    command = place(server, given, found)
    if not same:
        register(server, given.name, command, found, version)
    return found


# --- Mounts --------------------------------------------------------------------------------------


def reload(server, given):
    scope = [f"-scope={given.scope}"] if given.scope else []
    server.change("plugin", "reload", f"-plugin={given.name}", *scope)


def check(server, given, checksum, roles, ours=True):
    """Waits until a mount runs that file and answers with the roles it had."""
    deadline = time.monotonic() + given.wait
    while True:
        try:
            answers = server.answers(given.mount)
            running = server.mount(given.mount, given.name).get("running_sha256") or ""
            found = server.roles(given.mount)
            if running != checksum:
                raise Unhealthy(f"{given.mount}/ runs {running or 'no external file'}, and not {checksum or BUILT_IN}")
            if ours and not answers:
                raise Unhealthy(f"auth/{given.mount}/status/aws does not answer")
            if found != roles:
                raise Unhealthy(f"{given.mount}/ has {len(found)} roles, and had {len(roles)}")
            return
        except (Unhealthy, Refused) as error:
            if time.monotonic() >= deadline:
                raise Unhealthy(str(error)) from error
        time.sleep(POLL_SECONDS)


def say(server, text):
    if server.dry_run:
        print(f"dry run: nothing was changed; {server.changes} commands would be." if server.changes else
              "dry run: there is nothing to change.")
    elif server.changes:
        print(text)
    else:
        print(f"Nothing to change. {text}")


def move(server, given, mount, checksum, forth, back, ours=True):
    """Changes what a mount runs. If it does not run well then, changes it back, which is `back`, or a hint instead."""
    roles = server.roles(given.mount)
    try:
        forth()
        if not server.dry_run:
            check(server, given, checksum, roles, ours)
    except (Unhealthy, Refused) as error:
        print(f"error: {sentence(error)}", file=sys.stderr)
        if given.no_rollback or not callable(back):
            hint = "" if callable(back) else f" {back}"
            raise Refused(f"{given.mount}/ is left as it is now.{hint}") from error
        print("Going back to what was there before:", flush=True)
        try:
            back()
            check(server, given, mount.get("running_sha256") or "", roles, ours=False)
        except (Unhealthy, Refused) as again:
            raise Refused(f"going back failed too: {sentence(again)} The commands above are what it takes.") from again
        raise Refused(f"{given.mount}/ was not upgraded: it was put back to what it was.") from error


def sentence(error):
    return f"{str(error).rstrip('.')}."


def do_register(server, given):
    version = None if given.unversioned else version_of(given)
    found = add_entry(server, given, version)
    if given.enable and f"{given.mount}/" not in server.mounts():
        pinned = [f"-plugin-version={version}"] if version else []
        server.change("auth", "enable", f"-path={given.mount}", *pinned, given.name)
        if not server.dry_run:
            check(server, given, found, [])
    say(server, f"{given.name} {version or '(unversioned)'} is in the catalog with {found}.")


def do_upgrade(server, given):
    mount = server.mount(given.mount, given.name)
    if mount.get("plugin_version") or given.pin:
        upgrade_versioned(server, given, mount)
    else:
        upgrade_unversioned(server, given, mount)


def upgrade_versioned(server, given, mount):
    version = version_of(given)
    checksum = add_entry(server, given, version)
    before = mount.get("plugin_version") or ""
    former = before or server.built_in_version(given.name)
    if before != version or not runs(server, given, mount, checksum):
        back = "Register the former file as a version, and upgrade to that."
        if former:
            back = lambda: bring(server, given, former)  # noqa: E731
        move(server, given, mount, checksum, lambda: bring(server, given, version), back)
        say_rollback(server, given, former)
    say(server, f"{given.mount}/ runs {version}.")


def upgrade_unversioned(server, given, mount):
    checksum = checked_sum(given)
    # OpenBao shows no entry whose file is gone, and this is what brings the mount up again.
    former = server.entry(given.name, absent=("validating the command path",))
    command = place(server, given, checksum)

    def forth():
        if not is_entry(former, command, checksum):
            register(server, given.name, command, checksum, None)
        reload(server, given)

    def back():
        if former:
            register(server, given.name, os.path.basename(former["command"]), former["sha256"], None)
        else:
            server.change("plugin", "deregister", "auth", given.name)
        reload(server, given)

    if not is_entry(former, command, checksum) or not runs(server, given, mount, checksum):
        to = os.path.basename(former["command"]) if former else BUILT_IN if server.has_built_in() else None
        move(server, given, mount, checksum, forth, back)
        say_rollback(server, given, to, former and former["sha256"])
    say(server, f"{given.mount}/ runs {checksum}.")


def runs(server, given, mount, checksum):
    return mount.get("running_sha256") == checksum and server.answers(given.mount)


def bring(server, given, version):
    """Brings a mount to a version."""
    server.change("auth", "tune", f"-plugin-version={version}", f"{given.mount}/")
    reload(server, given)


def say_rollback(server, given, to, checksum=None):
    if to and not server.dry_run:
        command = [sys.argv[0], "rollback", f"--to={to}", f"--mount={given.mount}", f"--name={given.name}"]
        if checksum:
            command += [f"--plugin-directory={given.plugin_directory}", f"--sha256={checksum}"]
        print(f"To go back: {shlex.join(command)}")


def no_built_in(server, given):
    text = f"this server has no built-in {given.name}"
    if server.entry(given.name):
        text += ", or the unversioned entry hides it: deregister that one first"
    return f"{text}."


def do_rollback(server, given):
    mount = server.mount(given.mount, given.name)
    before = mount.get("plugin_version") or ""
    versioned = bool(re.fullmatch(r"v\d.*", given.to))
    if versioned or (given.to == BUILT_IN and before):
        version = given.to if versioned else server.built_in_version(given.name)
        if not version:
            raise Refused(no_built_in(server, given))
        rollback_versioned(server, given, mount, version)
    elif before:
        raise Refused(f"{given.mount}/ has the version {before}: no server takes it to an unversioned file.")
    else:
        rollback_unversioned(server, given, mount)


def rollback_versioned(server, given, mount, version):
    checksum = ""
    if BUILT_IN not in version:
        entry = server.entry(given.name, version)
        if not entry:
            raise Refused(f"the version {version} of {given.name} is not registered.")
        checksum = entry["sha256"]
    elif server.entry(given.name):
        raise Refused("an unversioned entry would take the mount at the next unseal: deregister it first.")
    if mount.get("plugin_version") != version or (mount.get("running_sha256") or "") != checksum:
        hint = "Roll back to another version that is registered."
        move(server, given, mount, checksum, lambda: bring(server, given, version), hint, ours=False)
    say(server, f"{given.mount}/ runs {version}.")


def rollback_unversioned(server, given, mount):
    entry = server.entry(given.name)
    if given.to == BUILT_IN:
        if not server.has_built_in():
            raise Refused(no_built_in(server, given))
        checksum = ""
        forth = lambda: (server.change("plugin", "deregister", "auth", given.name), reload(server, given))  # noqa: E731
        done = entry is None
    else:
        if not given.plugin_directory:
            raise Refused("going back to a file wants --plugin-directory.")
        path = given.plugin_directory / given.to
        if not path.is_file():
            raise Refused(f"there is no file {path}.")
        checksum = sha256(path)
        if given.sha256 and given.sha256.lower() != checksum:
            raise Refused(f"{path} has the checksum {checksum}, and not {given.sha256}: nothing was changed.")
        forth = lambda: (register(server, given.name, given.to, checksum, None), reload(server, given))  # noqa: E731
        done = is_entry(entry, given.to, checksum)
    if not done or (mount.get("running_sha256") or "") != checksum:
        move(server, given, mount, checksum, forth, "Roll back to another file.", ours=False)
    say(server, f"{given.mount}/ runs {given.to}.")


def do_place(server, given):
    name = place(server, given, checked_sum(given))
    say(server, f"{given.plugin_directory / name} is there.")


def do_status(server, given):
    sound = True
    print("catalog")
    for plugin in server.catalog():
        if plugin["name"] != given.name or plugin["type"] != "auth":
            continue
        version = plugin.get("version") or "(unversioned)"
        if plugin.get("builtin"):
            print(f"  {version:20} built into the server")
            continue
        try:
            entry = server.entry(given.name, plugin.get("version") or None) or plugin
        except Refused as error:
            # OpenBao looks for the file.
            print(f"  {version:20} {error}")
            sound = False
            continue
        command = os.path.basename(entry.get("command") or "")
        state = ""
        if given.plugin_directory:
            path = given.plugin_directory / command
            same = path.is_file() and sha256(path) == entry["sha256"]
            state = "  file as registered" if same else "  FILE MISSING" if not path.is_file() else "  FILE DIFFERS"
            sound = sound and same
        print(f"  {version:20} {entry['sha256']}  {command}{state}")
    print("mounts")
    for path, mount in sorted(server.mounts().items()):
        if mount["type"] != given.name:
            continue
        path = path.rstrip("/")
        version = mount.get("plugin_version") or "(unversioned)"
        running = mount.get("running_sha256") or mount.get("running_plugin_version")
        answers = "answers" if server.answers(path) else "this plugin does not answer"
        print(f"  {path + '/':20} {version:14} runs {running}; {answers}")
    if not sound:
        raise Refused("a file of the catalog is not as it was registered.")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, needs_file, help_text in (
        ("place", True, "check the binary and put it into the plugin directory, nothing else"),
        ("register", True, "place, and register under its version; no mount changes"),
        ("upgrade", True, "place, register, and bring a mount to it; back again if it does not run well"),
        ("rollback", False, "bring a mount back to a version, a file, or the built-in method"),
        ("status", False, "show the entries of the catalog and the mounts; changes nothing"),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        command.add_argument("--plugin-directory", type=pathlib.Path, required=needs_file, metavar="FOLDER",
                             help="the server's plugin_directory")
        command.add_argument("--dry-run", action="store_true", help="show the commands, change nothing")
        if needs_file:
            command.add_argument("--binary", type=pathlib.Path, required=True, metavar="FILE")
            sums = command.add_mutually_exclusive_group(required=True)
            sums.add_argument("--sums", type=pathlib.Path, metavar="FILE", help="SHA256SUMS with a line for the binary")
            sums.add_argument("--sha256", metavar="HEX", help="the sum itself")
            command.add_argument("--version", metavar="V", help="default: what the binary says, with a v")
            command.add_argument("--file-name", metavar="NAME", help=f"default: {PROGRAM}-VERSION")
        if name == "place":
            continue
        command.add_argument("--name", default="aws", help="name in the catalog (default: aws)")
        if name == "status":
            continue
        command.add_argument("--mount", default="aws", type=lambda path: path.strip("/"), help="path (default: aws)")
        command.add_argument("--wait", type=float, default=10, metavar="SECONDS",
                             help="how long a mount may take to run well (default: 10)")
        if name == "register":
            command.add_argument("--unversioned", action="store_true", help="in place of the built-in method")
            command.add_argument("--enable", action="store_true", help="mount it, if there is no such mount")
        else:
            command.add_argument("--scope", choices=["global"], help="reload on all nodes, where the server can")
            command.add_argument("--no-rollback", action="store_true", help="leave a mount that does not run well")
        if name == "upgrade":
            command.add_argument("--pin", action="store_true",
                                 help="give an unversioned mount a version, which no server takes back")
        if name == "rollback":
            command.add_argument("--to", required=True, metavar="WHAT",
                                 help="v0.1.0, a file of the plugin directory, or builtin")
            command.add_argument("--sha256", metavar="HEX", help="what the checksum of that file must be")
    return parser.parse_args()


def main():
    given = arguments()
    actions = {
        "place": do_place, "register": do_register, "upgrade": do_upgrade,
        "rollback": do_rollback, "status": do_status,
    }
    server = (NoServer if given.command == "place" else Server)(given.dry_run)
    actions[given.command](server, given)


if __name__ == "__main__":
    try:
        main()
    except (Refused, Unhealthy, OSError) as error:
        sys.exit(f"error: {error}")
