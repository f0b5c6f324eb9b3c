"""The image of the plugin, through a registry, into a real OpenBao, up to a login.

Wants the command line of OpenBao in CLI, the plugin in PLUGIN, moto's server in MOTO and a folder for files in WORK.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from documents import ROOT, commands

OCI = ROOT / "plugin-catalog/oci"
CLI, MOTO = os.environ["CLI"], os.environ["MOTO"]
PLUGIN, WORK = pathlib.Path(os.environ["PLUGIN"]), pathlib.Path(os.environ["WORK"])
DEADLINE_SECONDS = 60
ARM64 = 183


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return listener.getsockname()[1]


def environment(**more):
    return {"PATH": os.environ["PATH"], "HOME": str(WORK), "TMPDIR": str(WORK / "tmp"), **more}


def succeed(*command, **more):
    done = subprocess.run(command, cwd=ROOT, env=environment(**more), capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@contextlib.contextmanager
def running(*command, log):
    with open(WORK / log, "wb") as file:
        process = subprocess.Popen(command, env=environment(), stdout=file, stderr=file, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()


def until(what, wanted):
    """Waits for what another program does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        found = wanted()
        if found:
            return found
        logs = {path.name: path.read_text()[-3000:] for path in WORK.glob("*.log")}
        assert time.monotonic() < deadline, (what, logs)
        time.sleep(0.05)


def build(output, *binaries):
    """Runs the command that the README shows, for other files."""
    shown = commands("plugin-catalog/oci/README.md")[0].replace("\\\n", "").split()
    assert shown[0] == "plugin-catalog/oci/build_layout.py" and shown[2] == "--output=layout", shown
    assert [word.startswith("target/dist/") for word in shown[3:]] == [True, True], shown
    return succeed(sys.executable, *shown[:2], f"--output={output}", *binaries)


def the_same_binaries_give_the_same_image():
    """In any order, as a folder and as an archive, at any time. Returns the layout and the sum it tells."""
    other = bytearray(PLUGIN.read_bytes())
    other[18:20] = ARM64.to_bytes(2, "little")
    arm64 = WORK / "arm64"
    arm64.write_bytes(other)
    layout = WORK / "layout"
    said = build(layout, str(PLUGIN), str(arm64))
    lines = dict(line.rsplit(None, 1) for line in said.splitlines())
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in (("amd64", PLUGIN), ("arm64", arm64))}
    assert {name: lines[f"binary {name}"] for name in sums} == sums, lines

    for archive in ("1.tar", "2.tar"):
        arm64.touch()
        assert build(WORK / archive, str(arm64), str(PLUGIN)) == said
    assert (WORK / "1.tar").read_bytes() == (WORK / "2.tar").read_bytes()

    index = json.loads((layout / "index.json").read_bytes())["manifests"][0]
    assert index["digest"] == lines["image"]
    blob = lambda digest: (layout / "blobs" / digest.replace(":", "/")).read_bytes()  # noqa: E731
    for path in layout.glob("blobs/sha256/*"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    for image in json.loads(blob(index["digest"]))["manifests"]:
        manifest = json.loads(blob(image["digest"]))
        config = json.loads(blob(manifest["config"]["digest"]))
        assert config["architecture"] == image["platform"]["architecture"]
        assert config["config"]["Entrypoint"] == ["/vault-plugin-auth-aws"]
        assert config["rootfs"]["diff_ids"] == [manifest["layers"][0]["digest"]]

    twice = subprocess.run(
        [sys.executable, OCI / "build_layout.py", "--version=v0.1.0", f"--output={layout}", PLUGIN, PLUGIN],
        capture_output=True, text=True, check=False,
    )
    assert twice.returncode != 0 and "a second binary for amd64" in twice.stderr, twice
    return layout, sums["amd64"]


def configured(example, registry, checksum, plugins):
    """An example of the folder, with this registry and this sum."""
    text = (OCI / example).read_text()
    for printed, here in (
        ("registry.example.com", registry), ("0" * 64, checksum), ("/etc/openbao/plugins", str(plugins)),
    ):
        assert printed in text or printed.startswith("registry"), (example, printed)
        text = text.replace(printed, here)
    path = WORK / example
    path.write_text(text)
    return path


def init(config):
    """Runs the command that the README shows, with this configuration."""
    shown, = (command for command in commands("plugin-catalog/oci/README.md") if command.startswith("bao plugin init"))
    shown = shown.replace("bao ", f"{CLI} ", 1).replace("/etc/openbao/openbao.hcl", str(config))
    return subprocess.run(["bash", "-euc", shown], env=environment(), capture_output=True, text=True, check=False)


def a_login(config):
    """Starts a server with the configuration, mounts what it has registered by itself, and logs in; returns the
    checksum of what runs."""
    port, aws_port = free_port(), free_port()
    root = {"BAO_ADDR": f"http://127.0.0.1:{port}", "BAO_TOKEN": "root"}
    bao = lambda *arguments, **more: succeed(CLI, *arguments, **root, **more)  # noqa: E731
    serve = [
        CLI, "server", "-dev", "-dev-root-token-id=root", "-dev-no-store-token",
        f"-dev-listen-address=127.0.0.1:{port}", f"-config={config}",
    ]
    with running(*serve, log="server.log") as server, running(MOTO, "-H", "127.0.0.1", f"-p{aws_port}", log="moto.log"):
        registered = "registering new declarative plugin: name=aws"
        until("registration", lambda: server.poll() is not None or registered in (WORK / "server.log").read_text())
        until("server", lambda: subprocess.run([CLI, "status"], env=environment(**root), capture_output=True,
                                               check=False).returncode == 0)
        assert bao("auth", "enable", "aws")
        mount = json.loads(bao("auth", "list", "-detailed", "-format=json"))["aws/"]
        assert mount["plugin_version"] == "v0.1.0", mount
        python = str(pathlib.Path(MOTO).with_name("python"))
        lines = succeed(python, "plugin-catalog/demo/stand_in.py", str(aws_port)).splitlines()
        stand_in = dict(line.split("=", 1) for line in lines)
        endpoint = f"http://127.0.0.1:{aws_port}"
        bao("write", "auth/aws/config/client", f"sts_endpoint={endpoint}", f"iam_endpoint={endpoint}",
            f"access_key={stand_in['server_access_key']}", f"secret_key={stand_in['server_secret_key']}")
        bao("write", "auth/aws/role/dev", "auth_type=iam", f"bound_iam_principal_arn={stand_in['principal']}")
        login = succeed(
            sys.executable, "plugin-catalog/sign_login.py", "--role", "dev",
            AWS_ACCESS_KEY_ID=stand_in["client_access_key"], AWS_SECRET_ACCESS_KEY=stand_in["client_secret_key"],
        )
        (WORK / "login.json").write_text(login)
        answer = json.loads(bao("write", "-format=json", "auth/aws/login", f"@{WORK}/login.json"))
        assert answer["auth"]["client_token"], answer
        return mount["running_sha256"]


def main():
    (WORK / "tmp").mkdir()
    layout, checksum = the_same_binaries_give_the_same_image()
    with running(sys.executable, str(OCI / "serve_layout.py"), str(layout), log="registry.log"):
        registry = until("registry", lambda: (WORK / "registry.log").read_text().partition("\n")[0])
        for example in ("openbao.json", "openbao.hcl"):
            plugins = WORK / f"plugins-{example}"
            plugins.mkdir()
            wrong = init(configured(example, registry, "1" * 64, plugins))
            assert wrong.returncode != 0 and not (plugins / "auth-aws-v0.1.0").exists(), wrong
            config = configured(example, registry, checksum, plugins)
            done = init(config)
            assert done.returncode == 0, done
            extracted = plugins / "auth-aws-v0.1.0"
            assert hashlib.sha256(extracted.read_bytes()).hexdigest() == checksum, done
    # The registry is not needed any more.
    assert a_login(config) == checksum

    plugins = WORK / "plugins-file"
    plugins.mkdir()
    file = plugins / "vault-plugin-auth-aws-0.1.0"
    file.write_bytes(PLUGIN.read_bytes())
    file.chmod(0o755)
    assert a_login(configured("openbao-file.hcl", "", checksum, plugins)) == checksum


main()
