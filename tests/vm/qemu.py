# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A virtual machine under qemu's TCG. The agent in guest/agent runs commands from a serial line."""

import base64
import dataclasses
import itertools
import pathlib
import shlex
import socket
import subprocess
import tempfile
import time

BOOT_TIMEOUT_S = 180
COMMAND_TIMEOUT_S = 120
# The longest line for the agent: a terminal's input buffer has 4,096 bytes.
LINE_LIMIT = 3500


@dataclasses.dataclass(frozen=True)
class Board:
    """A machine of an architecture as qemu makes it."""

    program: str
    arguments: tuple
    console: str  # the kernel's serial line
    agent: str    # the agent's serial line


BOARDS = {
    "amd64": Board("qemu-system-x86_64", ("-cpu", "max", "-serial", "chardev:agent"), "ttyS0", "/dev/ttyS1"),
    # The board has one serial line. The other one is a card: Debian's kernels have its driver built in.
    "arm64": Board("qemu-system-aarch64", ("-machine", "virt", "-cpu", "cortex-a72", "-device",
                                           "pci-serial,chardev=agent"), "ttyAMA0", "/dev/ttyS0"),
}


class VmError(Exception):
    """The machine did not boot, died, or did not answer in time. The text ends with the console's last
    lines."""


@dataclasses.dataclass(frozen=True)
class Result:
    command: str
    status: int
    output: str

    def check(self):
        if self.status != 0:
            raise AssertionError(f"{self.command}\nstatus {self.status}\n{self.output}")
        return self.output


class Vm:
    """One machine. Use it as a context manager, which kills it at the end in any case."""

    def __init__(self, kernel, initramfs, *, arguments=(), prefix=(), memory_mib=512, cpus=1):
        self.kernel = kernel
        self.folder = tempfile.TemporaryDirectory(prefix="v2m-vm-")
        self.console = pathlib.Path(self.folder.name) / "console"
        self.numbers = itertools.count(1)
        self.pending = b""
        ours, theirs = socket.socketpair()
        self.agent = ours
        board = BOARDS[kernel.arch]
        command = [
            *prefix, board.program, "-accel", "tcg,thread=single", "-smp", str(cpus),
            "-m", str(memory_mib), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-kernel", str(kernel.image), "-initrd", str(initramfs),
            # tsc=reliable avoids a calibration against a timer that TCG delays.
            "-append", f"console={board.console} v2m_agent={board.agent} loglevel=4 panic=-1 tsc=reliable no_timer_check "
                       "mitigations=off nokaslr random.trust_cpu=on",
            "-serial", f"file:{self.console}",
            "-chardev", f"socket,id=agent,fd={theirs.fileno()}", *board.arguments,
            *arguments]
        self.process = subprocess.Popen(command, pass_fds=(theirs.fileno(),),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut_power()
        self.folder.cleanup()

    def boot(self, timeout_s=BOOT_TIMEOUT_S):
        """Waits until the agent answers. Returns the seconds that this took."""
        began = time.monotonic()
        self._read_until(b"READY\n", began + timeout_s, "to boot")
        return time.monotonic() - began

    def cut_power(self):
        """Kills the machine, so that the guest cannot write anything any more."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.agent.close()

    def power_off(self, timeout_s=COMMAND_TIMEOUT_S):
        """Ends the machine cleanly: unmounts the disk on /mnt first."""
        self.check("umount /mnt")
        self._send("poweroff -f")
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise VmError(f"no end in {timeout_s} s\n{self.console_end()}") from error

    def run(self, command, timeout_s=COMMAND_TIMEOUT_S):
        """Runs shell text in the guest and waits for its end. The result has the status and the output of
        both streams."""
        number = self._send(command)
        end = f"END {number} ".encode()
        text = self._read_until(end, time.monotonic() + timeout_s, command)
        status = self._read_until(b"\n", time.monotonic() + 10, command)
        body = text.partition(f"BEGIN {number}\n".encode())[2][:-len(end)]
        output = base64.b64decode(body).decode(errors="replace")
        return Result(command, int(status), output)

    def check(self, command, timeout_s=COMMAND_TIMEOUT_S):
        """Runs a command that must succeed. Returns its output."""
        return self.run(command, timeout_s).check()

    def wait_until(self, command, timeout_s=30):
        """Repeats the command in the guest until it succeeds. Returns its output."""
        text = f"n=0; until {{ {command}; }} >/tmp/.poll 2>&1; do n=$((n+1)); " \
               f"[ $n -lt {int(timeout_s * 20)} ] || {{ cat /tmp/.poll; exit 1; }}; usleep 50000; " \
               "done; cat /tmp/.poll"
        return self.check(text, timeout_s * 4)

    def write(self, path, data):
        """Makes a file in the guest."""
        if isinstance(data, str):
            data = data.encode()
        encoded = base64.b64encode(data).decode()
        for start in range(0, max(len(encoded), 1), 2000):
            redirect = ">" if start == 0 else ">>"
            self.check(f"echo {encoded[start:start + 2000]} | base64 -d {redirect}"
                       f"{shlex.quote(path)}")

    def console_end(self, lines=40):
        try:
            text = self.console.read_text(errors="replace")
        except FileNotFoundError:
            text = ""
        return "\n".join(text.splitlines()[-lines:])

    def _send(self, command):
        number = next(self.numbers)
        line = f"{number} {base64.b64encode(command.encode()).decode()}\n".encode()
        if len(line) > LINE_LIMIT:
            raise ValueError(f"a command of {len(command)} bytes; use write() first")
        self.agent.sendall(line)
        return number

    def _read_until(self, mark, deadline, what):
        while mark not in self.pending:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise VmError(f"{self.kernel.release}: no answer in time: {what}\n"
                              f"{self.console_end()}")
            self.agent.settimeout(left_s)
            try:
                data = self.agent.recv(65536)
            except socket.timeout:
                continue
            if not data:
                self.process.wait()
                said = self.process.stdout.read().decode(errors="replace")
                raise VmError(f"{self.kernel.release}: the machine is gone: {what}\n{said}"
                              f"{self.console_end()}")
            self.pending += data
        end = self.pending.index(mark) + len(mark)
        text, self.pending = self.pending[:end], self.pending[end:]
        return text
