# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A file system that is soon full, for a daemon's state."""

import contextlib

from support.lab import run


@contextlib.contextmanager
def small_disk_of(lab):
    directory = lab.directory / "small"
    directory.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=1m", "v2m-e2e", directory)
    try:
        yield directory
    finally:
        run("umount", "-l", directory)


def start_on(directory, daemon):
    """Starts it with its state there; the daemon."""
    daemon.state_dir = directory / "state"
    daemon.config["state_dir"] = str(daemon.state_dir)
    daemon.write_config()
    return daemon.start()


def fill(directory):
    """The file that takes all the room there is: with it gone there is room again."""
    filler = directory / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler
