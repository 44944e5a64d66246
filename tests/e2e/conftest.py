# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Fixtures of the end-to-end tests, and the checks of what the machine allows."""

import contextlib
import ctypes
import functools
import os
import platform
import shutil
import struct

import pytest

from support import lab as lab_module
from support import v2ray as v2ray_module
from support.daemon import Daemon
from support.lab import Lab, run
from support.unprivileged import Unprivileged
from support.wire import Capture

SYS_BPF = {"x86_64": 321, "aarch64": 280}.get(platform.machine())
BPF_PROG_LOAD, SCHED_CLS = 5, 3


@functools.cache
def why_no_namespaces():
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("ip", "nsenter", "tcpdump", "ethtool", "ss", "curl"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    name = f"{lab_module.PREFIX}-{os.getpid()}-probe"
    made = run("ip", "netns", "add", name, check=False)
    if made.returncode:
        return f"no network namespaces: {made.stderr.strip()}"
    made = run("ip", "-n", name, "link", "add", "type", "veth", check=False)
    run("ip", "netns", "delete", name)
    return f"no veth devices: {made.stderr.strip()}" if made.returncode else None


def bpf(command, attributes):
    """Calls bpf(2). Returns its result and the attributes after the call; ctypes.get_errno() has the error."""
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = lab_module.libc.syscall(SYS_BPF, command, buffer, len(attributes))
    return result, buffer.raw


@functools.cache
def why_no_ebpf():
    """Loads `return 0` as a tc program. The kernel itself is asked, so that a daemon that falls back without
    need is found."""
    if SYS_BPF is None:
        return f"the number of bpf(2) on {platform.machine()} is not known here"
    if lab_module.BPFFS.is_mount() is False:
        return "no bpffs on /sys/fs/bpf"
    program = struct.pack("<BBhiBBhi", 0xb7, 0, 0, 0, 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(program, len(program))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("<IIQQIIQII", SCHED_CLS, 2, ctypes.addressof(code),
                             ctypes.addressof(licence), 0, 0, 0, 0, 0)
    fd, _ = bpf(BPF_PROG_LOAD, attributes)
    if fd < 0:
        return f"no eBPF: {os.strerror(ctypes.get_errno())}"
    os.close(fd)
    return None


def kernel_version():
    return tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])


def skip_if(reason):
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def no_remains():
    if os.geteuid() == 0:
        lab_module.clean_up_after_the_dead()
    yield


@contextlib.contextmanager
def lab_in(directory, kind=Lab):
    skip_if(why_no_namespaces())
    made = kind(directory)
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def daemons_in(lab):
    """Gives start(keys, **members), which starts a daemon with kernel programs. All are stopped and detached."""
    skip_if(why_no_ebpf())
    made = []

    def start(keys, running=True, **options):
        daemon = Daemon(lab, keys, **options)
        made.append(daemon)
        return daemon.start() if running else daemon

    try:
        yield start
    finally:
        problems = []
        for daemon in made:
            try:
                daemon.stop()
                daemon.run("--detach")
            except (AssertionError, OSError) as problem:
                problems.append(str(problem))
    assert not problems, "\n".join(problems)


@pytest.fixture
def lab(tmp_path):
    with lab_in(tmp_path) as made:
        yield made


@pytest.fixture
def start_daemon(lab):
    with daemons_in(lab) as start:
        yield start


@pytest.fixture
def start_unprivileged(lab):
    """Gives start(keys, **members) as start_daemon does, for daemons that may not load kernel programs."""
    made = []

    def start(keys, running=True, kind=Unprivileged, **options):
        daemon = kind(lab, keys, name=f"unprivileged-{len(made)}", **options)
        made.append(daemon)
        return daemon.start() if running else daemon

    yield start
    for daemon in made:
        daemon.stop()
        daemon.allow()
        daemon.run("--detach")


@pytest.fixture(scope="session")
def v2ray_version():
    return v2ray_module.version()


@pytest.fixture
def start_v2ray(lab, v2ray_version):
    return functools.partial(v2ray_module.V2Ray, lab)


@pytest.fixture
def capture(lab):
    return Capture(lab)


@pytest.fixture(params=["tcx", "clsact"])
def hook(request):
    """Both ways to attach, as values of the setting "attach"."""
    if request.param == "tcx" and kernel_version() < (6, 6):
        pytest.skip("tcx needs Linux 6.6 or newer")
    return {"tcx": "auto", "clsact": "clsact"}[request.param]
