# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A small file system for a daemon's state, which a test can fill up."""

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
    """Starts a daemon with its state on this file system and returns it."""
    daemon.state_dir = directory / "state"
    daemon.config["state_dir"] = str(daemon.state_dir)
    daemon.write_config()
    return daemon.start()


def fill(directory):
    """Makes a file that fills the file system. Deleting the file makes room again."""
    filler = directory / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler
