# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A booted Debian in a container: systemd as its first process, the network of a lab's server, a bpffs of its own.

The tree of the container is an overlay, so nothing that it does outlasts it.
"""

import contextlib
import functools
import os
import pathlib
import re
import shutil
import subprocess

from support.lab import Process, run, wait_until

# nspawn takes these from a container; a server has them.
CALLS = "bpf perf_event_open @keyring"
# An older systemd wants a cgroup v2 below its own root only.
PREPARE = """
umount -l /sys/fs/cgroup/* 2>/dev/null
umount -l /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec "$@"
"""


@functools.cache
def why_no_machine():
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("systemd-nspawn", "unshare", "nsenter"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    if not pathlib.Path("/lib/systemd/systemd").exists():
        return "systemd is not installed"
    return None


class Machine:
    """A container with the tree of a Debian below an overlay. Use it as a context manager."""

    def __init__(self, lab, lower, unit="multi-user.target", name="machine"):
        self.lab, self.lower, self.unit = lab, lower, unit
        self.directory = lab.directory / name
        self.tree = self.directory / "tree"
        self.log = lab.directory / f"{name}.log"
        self.process = None
        self.leader = None

    def __enter__(self):
        self.directory.mkdir()
        run("mount", "-t", "tmpfs", "-o", "mode=755", "v2m-machine", self.directory)
        for part in ("tree", "upper", "work", "pins"):
            (self.directory / part).mkdir()
        run("mount", "-t", "bpf", "bpf", self.directory / "pins")
        run("mount", "-t", "overlay", "v2m-machine", "-o",
            f"lowerdir={self.lower},upperdir={self.directory}/upper,workdir={self.directory}/work", self.tree)
        return self

    def __exit__(self, *_):
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.stop(timeout_s=20)
        for part in ("tree", "pins", "."):
            run("umount", "--lazy", self.directory / part, check=False)

    def boot(self):
        for part in ("etc/machine-id", "etc/hostname"):
            with contextlib.suppress(FileNotFoundError):
                (self.tree / part).unlink()
        self.process = Process(
            ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", PREPARE, "sh",
             "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--capability=all",
             f"--system-call-filter={CALLS}", f"--network-namespace-path={self.lab.server.path}",
             f"--bind={self.directory}/pins:/sys/fs/bpf", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
             "-D", self.tree, "--boot", f"systemd.unit={self.unit}"],
            self.log)
        self.leader = wait_until(self.find_leader, what="the first process of the machine")
        wait_until(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in
                   ("running", "degraded"), timeout_s=60, what="the boot")
        return self

    def find_leader(self):
        """The machine's first process is the child of nspawn, which is what the shell became."""
        assert self.process.running(), self.process.said()
        pid = self.process.pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
        return None

    def words(self, *command):
        return ["nsenter", f"--target={self.leader}", "--all", "--", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", *map(str, command)]

    def run(self, *command, check=True, timeout_s=120):
        made = subprocess.run(self.words(*command), text=True, capture_output=True, timeout=timeout_s, check=False,
                              stdin=subprocess.DEVNULL)
        assert not check or made.returncode == 0, f"{command}: {made.returncode}: {made.stdout}{made.stderr}"
        return made

    def show(self, unit, property_name):
        return self.run("systemctl", "show", "--value", "-p", property_name, unit).stdout.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "-u", unit).stdout

    def processes(self, unit):
        """The process ids of the unit, as this machine's kernel numbers them in our namespace, the first one's first."""
        group = self.show(unit, "ControlGroup")
        inside = self.run("cat", f"/sys/fs/cgroup{group}/cgroup.procs").stdout.split()
        facts = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found = re.search(r"^NSpid:\t(\d+)\t(\d+)$", entry.read_text(), re.MULTILINE)
                if found and os.readlink(entry.parent / "ns/pid") == os.readlink(f"/proc/{self.leader}/ns/pid"):
                    facts[found[2]] = int(found[1])
        main = self.show(unit, "MainPID")
        return [facts[main]] + sorted(facts[pid] for pid in inside if pid != main)
