"""The commands that a document shows, to be run as they stand."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def commands(document):
    """Each command of the console blocks, with its further lines."""
    blocks = (ROOT / document).read_text().split("\n```console\n")[1:]
    lines = [line for block in blocks for line in block.split("\n```")[0].splitlines()]
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append(line[2:])
        else:
            found[-1] += f"\n{line}"
    return found
