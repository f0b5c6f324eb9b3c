"""plugin-catalog/manage.py against a real server, from the first registration to the way back.

Wants ADDRESS and TOKEN of a server, its command line in CLI and whether it is vault or bao in FLAVOR, its plugin
directory in PLUGINS, the plugin in PLUGIN and a folder for files in WORK.
"""

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

from documents import ROOT, commands

ENVIRONMENT = os.environ
FLAVOR = ENVIRONMENT["FLAVOR"]
PLUGINS, WORK = (pathlib.Path(ENVIRONMENT[name]) for name in ("PLUGINS", "WORK"))
NOTHING = "Nothing to change."


def environment(token):
    prefix = {"vault": "VAULT", "bao": "BAO"}[FLAVOR]
    return {
        "PATH": ENVIRONMENT["PATH"], "HOME": str(WORK), f"{prefix}_ADDR": ENVIRONMENT["ADDRESS"],
        f"{prefix}_TOKEN": token, f"{prefix}_BIN": ENVIRONMENT["CLI"],
    }


def server(*arguments):
    """What the server's command line says to root."""
    done = subprocess.run([ENVIRONMENT["CLI"], *arguments], env=environment(ENVIRONMENT["TOKEN"]),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, (arguments, done)
    return done.stdout


def policy_token():
    """A token that may what manage-policy.hcl says, for the mounts of this test."""
    text = (ROOT / "plugin-catalog/manage-policy.hcl").read_text()
    plain = text.replace("auth/aws", "auth/plain").replace("unknown/aws", "unknown/plain")
    (WORK / "policy.hcl").write_text(text + plain + text.replace("auth/aws", "auth/old"))
    server("policy", "write", "manage", str(WORK / "policy.hcl"))
    return json.loads(server("token", "create", "-format=json", "-policy=manage"))["auth"]["client_token"]


class Manager:
    def __init__(self, token):
        self.environment = environment(token)

    def run(self, command):
        return subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)

    def __call__(self, command, *arguments, fails=False):
        done = self.run([sys.executable, "plugin-catalog/manage.py", command, *arguments])
        assert (done.returncode != 0) == fails, (command, arguments, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr if fails else done.stdout

    def as_printed(self, output):
        """Types the way back that an upgrade has printed."""
        line = next(line for line in output.splitlines() if line.startswith("To go back: "))
        done = self.run([sys.executable, *shlex.split(line.split(": ", 1)[1])])
        assert done.returncode == 0, done
        return done.stdout


def binary(name, data):
    """A file with its line in SHA256SUMS; returns its sum and the arguments that name it."""
    path = WORK / name / "vault-plugin-auth-aws"
    path.parent.mkdir()
    path.write_bytes(data)
    path.chmod(0o755)
    checksum = hashlib.sha256(data).hexdigest()
    (path.parent / "SHA256SUMS").write_text(f"{'0' * 64}  something-else\n{checksum}  {path.name}\n")
    return checksum, [f"--binary={path}", f"--sums={path.parent}/SHA256SUMS", f"--plugin-directory={PLUGINS}"]


def mount(path):
    return json.loads(server("auth", "list", "-detailed", "-format=json"))[f"{path}/"]


def roles(path):
    return json.loads(server("list", "-format=json", f"auth/{path}/role"))


def write_roles(path):
    for role in ("a", "b"):
        server("write", f"auth/{path}/role/{role}", "auth_type=iam", "resolve_aws_unique_ids=false",
               "bound_iam_principal_arn=arn:aws:iam::123456789012:role/a")


def the_built_in_method_and_back(manage, first):
    """Vault's own method is replaced, and comes back."""
    checksum, arguments = first
    server("auth", "enable", "-path=old", "aws")
    write_roles("old")
    said = manage("upgrade", "--mount=old", *arguments)
    assert mount("old")["running_sha256"] == checksum and roles("old") == ["a", "b"], said
    said = manage.as_printed(said)
    assert "plugin deregister auth aws" in said, said
    assert mount("old")["running_sha256"] == "" and roles("old") == ["a", "b"]
    assert NOTHING in manage("rollback", "--mount=old", "--to=builtin")
    said = manage("upgrade", "--mount=old", "--pin", *arguments)
    assert mount("old")["plugin_version"] == "v0.1.0", said
    manage.as_printed(said)
    assert mount("old")["running_sha256"] == "" and roles("old") == ["a", "b"]
    server("auth", "disable", "old")
    server("plugin", "deregister", "-version=v0.1.0", "auth", "aws")


def a_wrong_sum_and_a_dry_run_change_nothing(manage, first):
    before = sorted(PLUGINS.iterdir())
    _, arguments = first
    said = manage("register", arguments[0], arguments[2], f"--sha256={'0' * 64}", fails=True)
    assert "and not 000000" in said, said
    said = manage("register", "--enable", "--dry-run", *arguments)
    assert "$ install -m 0755 " in said and " plugin register -sha256=" in said and " auth enable " in said, said
    assert "dry run: nothing was changed; 3 commands would be." in said, said
    assert sorted(PLUGINS.iterdir()) == before and "v0.1.0" not in manage("status")


def versions_side_by_side(manage, first, second, broken):
    sums = [checksum for checksum, _ in (first, second)]
    said = manage("register", "--enable", *first[1])
    assert mount("aws")["plugin_version"] == "v0.1.0" and mount("aws")["running_sha256"] == sums[0], said
    assert NOTHING in manage("register", "--enable", *first[1])
    write_roles("aws")

    newer = ["--version=v0.1.1", *second[1]]
    assert "5 commands" not in manage("upgrade", "--dry-run", *newer) and mount("aws")["running_sha256"] == sums[0]
    said = manage("upgrade", *newer)
    assert mount("aws")["running_sha256"] == sums[1] and roles("aws") == ["a", "b"], said
    assert NOTHING in manage("upgrade", *newer)
    back = manage.as_printed(said)
    assert mount("aws")["running_sha256"] == sums[0] and "auth tune -plugin-version=v0.1.0" in back, back
    assert NOTHING in manage("rollback", "--to=v0.1.0")
    assert "is not registered" in manage("rollback", "--to=v9.9.9", fails=True)

    same_version = ["--version=v0.1.0", "--file-name=other", *second[1]]
    assert "under another --version" in manage("register", *same_version, fails=True)
    same_file = ["--version=v0.1.2", "--file-name=vault-plugin-auth-aws-0.1.0", *second[1]]
    assert "another checksum" in manage("register", *same_file, fails=True)

    said = manage("upgrade", "--version=v0.1.3", "--wait=1", *broken[1], fails=True)
    assert "was not upgraded: it was put back" in said, said
    assert mount("aws")["running_sha256"] == sums[0] and roles("aws") == ["a", "b"]
    assert mount("aws")["plugin_version"] == "v0.1.0"


def what_is_not_well_after_a_reload_goes_back(manage, first, second):
    """A command line that shows something wrong between the first reload and the second."""
    wrapper = WORK / "wrapper"
    wrapper.write_text(f"""#!/bin/bash
reload() {{
    if [[ -e {wrapper}.wrong ]]; then rm {wrapper}.wrong; else touch {wrapper}.wrong; fi
}}
case "$(cat {wrapper}.how) $1 $2" in
    idle' plugin reload') exit ;;
    *' plugin reload') reload ;;
    roles' list '*) [[ ! -e {wrapper}.wrong ]] || {{ echo '["a"]'; exit; }} ;;
    mute' read '*) [[ ! -e {wrapper}.wrong || "$*" != *status/aws ]] || exit 2 ;;
esac
exec {ENVIRONMENT["CLI"]} "$@"
""")
    wrapper.chmod(0o755)
    wrong = Manager(ENVIRONMENT["TOKEN"])
    wrong.environment[f"{'VAULT' if FLAVOR == 'vault' else 'BAO'}_BIN"] = str(wrapper)
    upgrade = ["upgrade", "--version=v0.1.1", "--wait=1", *second[1]]
    for how, words in (
        ("roles", "aws/ has 1 roles, and had 2"),
        ("mute", "auth/aws/status/aws does not answer"),
        ("idle", f"aws/ runs {first[0]}, and not {second[0]}"),
    ):
        (WORK / "wrapper.how").write_text(how)
        said = wrong(*upgrade, fails=True)
        assert words in said and "it was put back" in said, said
        assert mount("aws")["plugin_version"] == "v0.1.0" and mount("aws")["running_sha256"] == first[0]
    (WORK / "wrapper.how").write_text("roles")
    said = wrong(*upgrade, "--no-rollback", fails=True)
    assert "aws/ is left as it is now" in said and mount("aws")["plugin_version"] == "v0.1.1", said
    manage("rollback", "--to=v0.1.0")


def without_versions(manage, first, second, broken):
    sums = [checksum for checksum, _ in (first, second)]
    where = ["--name=plain", "--mount=plain", "--wait=5"]
    manage("register", "--unversioned", "--enable", *where, *first[1])
    assert NOTHING in manage("register", "--unversioned", "--enable", *where, *first[1])
    write_roles("plain")
    newer = ["--version=v0.1.1", *where, *second[1]]
    assert "`upgrade` replaces it" in manage("register", "--unversioned", *newer, fails=True)
    said = manage("upgrade", *newer)
    assert mount("plain")["running_sha256"] == sums[1] and roles("plain") == ["a", "b"], said
    assert NOTHING in manage("upgrade", *newer)
    manage.as_printed(said)
    assert mount("plain")["running_sha256"] == sums[0] and roles("plain") == ["a", "b"]

    to_file = ["rollback", "--to=vault-plugin-auth-aws-0.1.1", f"--plugin-directory={PLUGINS}", *where]
    assert "nothing was changed" in manage(*to_file, f"--sha256={sums[0]}", fails=True)
    assert mount("plain")["running_sha256"] == sums[0]

    # Whoever has removed the old file can still upgrade.
    path = PLUGINS / "vault-plugin-auth-aws-0.1.0"
    path.rename(WORK / "away")
    manage("upgrade", *newer)
    assert mount("plain")["running_sha256"] == sums[1] and roles("plain") == ["a", "b"]
    (WORK / "away").rename(path)
    manage("rollback", "--to=vault-plugin-auth-aws-0.1.0", f"--plugin-directory={PLUGINS}", *where)

    said = manage("upgrade", "--version=v0.1.3", *where, "--wait=1", *broken[1], fails=True)
    assert "was not upgraded: it was put back" in said, said
    assert mount("plain")["running_sha256"] == sums[0] and roles("plain") == ["a", "b"]


def status_looks_at_the_files(manage):
    arguments = [f"--plugin-directory={PLUGINS}"]
    said = manage("status", *arguments)
    assert said.count("file as registered") >= 2 and "aws/" in said and "answers" in said, said
    path = PLUGINS / "vault-plugin-auth-aws-0.1.1"
    path.rename(WORK / "away")
    said = manage("status", *arguments, fails=True)
    assert "not as it was registered" in said, said
    (WORK / "away").rename(path)


def what_the_readme_shows(plugin):
    """The commands of plugin-catalog/README.md, where a reader has unpacked two releases."""
    server("auth", "disable", "aws")
    for version in ("v0.1.0", "v0.1.1", "v0.1.3"):
        server("plugin", "deregister", f"-version={version}", "auth", "aws")
    folder = WORK / "reader"
    for path in (folder / "bin", WORK / "etc"):
        path.mkdir(parents=True)
    (folder / "plugin-catalog").symlink_to(ROOT / "plugin-catalog")
    (folder / "bin" / FLAVOR).symlink_to(ENVIRONMENT["CLI"])
    (folder / "bin/python3").symlink_to(sys.executable)
    releases = {"0.1.0": plugin, "0.2.0": next_release(plugin)}
    sums = ""
    for version, data in releases.items():
        path = folder / f"vault-plugin-auth-aws_{version}_linux_amd64"
        path.write_bytes(data)
        path.chmod(0o755)
        sums += f"{hashlib.sha256(data).hexdigest()}  {path.name}\n"
    (folder / "SHA256SUMS").write_text(sums)
    for path in PLUGINS.glob("vault-plugin-auth-aws-*"):
        path.unlink()

    reader = environment(ENVIRONMENT["TOKEN"])
    reader["PATH"] = f"{folder}/bin:{reader['PATH']}"
    del reader[f"{'VAULT' if FLAVOR == 'vault' else 'BAO'}_BIN"]
    shown = commands("plugin-catalog/README.md")
    assert [command.split()[1] for command in shown] == ["place", "register", "status", "upgrade", "rollback"], shown
    for command in shown:
        command = command.replace("/etc/vault/plugins", str(PLUGINS))
        done = subprocess.run(["bash", "-euc", command], env=reader, cwd=folder, capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if " upgrade " in command:
            assert mount("aws")["plugin_version"] == "v0.2.0"
    assert mount("aws")["plugin_version"] == "v0.1.0"


def next_release(plugin):
    """The plugin with another version in what it says of itself: a shell script that is the plugin otherwise."""
    path = WORK / "etc/plugin"
    path.write_bytes(plugin)
    path.chmod(0o755)
    script = f"""#!/bin/sh
[ "$1" != --version ] || {{ echo vault-plugin-auth-aws 0.2.0; exit; }}
exec {path} "$@"
"""
    return script.encode()


def main():
    plugin = pathlib.Path(ENVIRONMENT["PLUGIN"]).read_bytes()
    first = binary("first", plugin)
    # What stands behind a program does not change what it does.
    second = binary("second", plugin + b"\0")
    broken = binary("broken", b"#!/bin/sh\necho no plugin\n")
    manage = Manager(policy_token())
    if FLAVOR == "vault":
        the_built_in_method_and_back(manage, first)
        for path in PLUGINS.glob("vault-plugin-auth-aws-*"):
            path.unlink()
    a_wrong_sum_and_a_dry_run_change_nothing(manage, first)
    versions_side_by_side(manage, first, second, broken)
    what_is_not_well_after_a_reload_goes_back(manage, first, second)
    without_versions(manage, first, second, broken)
    status_looks_at_the_files(manage)
    what_the_readme_shows(plugin)


main()
