# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Virtual machines for the tests in this folder, one for each kernel, and the table at the end.

--kernels chooses the kernels, else V2METER_VM_KERNELS, else they are oldest and newest. A test that
asks for the fixture `vm` runs on each of these kernels. All tests of a kernel share one machine, so
each test must leave nothing behind.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

import initramfs
import kernels
import network
import qemu
import table
from daemon import Server

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/e2e"))
from support import unit  # pylint: disable=wrong-import-position # noqa: E402
HERE = pathlib.Path(__file__).resolve().parent
BPF_TESTS = ["packets", "malformed", "fragments", "foreign", "devices", "flows", "peers",
             "differential"]
# Each takes half a minute, and test_lifecycle.py covers the same subjects.
if os.environ.get("V2METER_VM_THOROUGH"):
    BPF_TESTS += ["devices_live", "ports_live", "takeover"]


def pytest_addoption(parser):
    parser.addoption("--kernels", default=os.environ.get("V2METER_VM_KERNELS", "oldest,newest"),
                     help="comma-separated: oldest, newest, or a series; 'all' for every one")
    parser.addoption("--table", type=pathlib.Path,
                     help="write the table there as JSON, for table.py, instead of printing it")
    parser.addoption("--keep", action="store_true",
                     help="keep the consoles of the machines and tell where they are")


def chosen_kernels(config):
    text = config.getoption("--kernels")
    try:
        return kernels.names_from(",".join(kernels.SERIES) if text == "all" else text)
    except ValueError as error:
        raise pytest.UsageError(f"--kernels: {error}") from error


def pytest_generate_tests(metafunc):
    if "kernel" in metafunc.fixturenames:
        metafunc.parametrize("kernel", chosen_kernels(metafunc.config), indirect=True,
                             scope="session")


@pytest.fixture(scope="session")
def kernel(request):
    """The kernel of that name. Skips the test if it cannot be fetched."""
    program = qemu.BOARDS[kernels.arch_of(request.param)].program
    if shutil.which(program) is None:
        pytest.skip(f"no {program} here")
    try:
        return kernels.get(request.param)
    except kernels.Unavailable as error:
        pytest.skip(f"kernel {request.param}: {error}")


def build_dir(arch="amd64"):
    if arch == "arm64":
        return ROOT / "build/arm64"
    return pathlib.Path(os.environ.get("V2METER_VM_BUILD", ROOT / "build"))


def compile_traffic(compiler, target):
    subprocess.run([compiler, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static",
                    *(str(HERE / name) for name in ("traffic.c", "capture.c", "frames.c")),
                    "-o", str(target)], check=True, timeout=60)
    return target


@pytest.fixture(scope="session")
def traffic(tmp_path_factory):
    """The traffic helper, linked statically, so that it runs in guests and on this machine."""
    return compile_traffic("cc", tmp_path_factory.mktemp("traffic") / "traffic")


@pytest.fixture(scope="session")
def programs(kernel, traffic, tmp_path_factory):
    """The programs for the guest's /bin."""
    found = {"traffic": traffic}
    if kernel.arch == "arm64":
        found["traffic"] = compile_traffic("aarch64-linux-gnu-gcc", tmp_path_factory.mktemp("arm64") / "traffic")
    for name in ("v2meterd", "v2meterctl"):
        path = build_dir(kernel.arch) / name
        if not path.exists():
            pytest.fail(f"{path} is not built: scripts/build makes it, for arm64 scripts/vm-matrix --arm64")
        found[name] = path
    return found


@pytest.fixture(scope="session")
def legacy_tables(kernel):
    """iptables-legacy for the guest: the program, and its extensions by their paths. Nothing if this machine has
    none, or another architecture than the guest."""
    program = shutil.which("iptables-legacy")
    found = {path: path.read_bytes() for path in pathlib.Path("/usr/lib").glob("*/xtables/libxt_*.so")
             if path.stem in ("libxt_REDIRECT", "libxt_tcp", "libxt_standard")}
    if kernel.arch == "arm64" or not program or not found:
        return None, {}
    return program, {str(path): data for path, data in found.items()}


@pytest.fixture(scope="session")
def bpf_programs(kernel):
    """The programs of tests/bpf by name, each from the newer build. scripts/build guest-tests makes those in build/."""
    folders = (build_dir(), ROOT / "build-debug")
    if kernel.arch == "arm64":
        folders = (ROOT / "build/arm64-tests",)
    found = {}
    for name in BPF_TESTS:
        paths = [folder / f"bpf_{name}" for folder in folders]
        built = [path for path in paths if path.is_file()]
        if built:
            found[name] = max(built, key=lambda path: path.stat().st_mtime)
    return found


@pytest.fixture(scope="session")
def image(kernel, programs, bpf_programs, legacy_tables, tmp_path_factory):
    """The initial root of the guest for this kernel."""
    target = tmp_path_factory.mktemp("initramfs") / f"{kernel.name}.cpio"
    carried = {f"bpf_{name}": path for name, path in bpf_programs.items()}
    if legacy_tables[0]:
        carried["iptables-legacy"] = legacy_tables[0]
    tree = None
    if kernel.arch == "arm64":
        try:
            tree = initramfs.Tree(kernels.programs_tree(kernel.arch, initramfs.PACKAGES))
        except kernels.Unavailable as error:
            pytest.skip(f"programs for {kernel.arch}: {error}")
    users = "".join(f"{name}:x:{number}:{number}::/:/bin/false\n"
                    for number, name in enumerate(["root", *unit.users()]))
    initramfs.build(kernel, target, {**programs, **carried}, {"etc/passwd": users.encode(), **legacy_tables[1]}, tree=tree)
    return target


@pytest.fixture(scope="session")
def wire(traffic):
    """Two namespaces of this machine that the guest's NIC is connected to, or a text that says why
    this machine cannot make them."""
    try:
        with network.Wire(traffic) as made:
            yield made
    except network.Unavailable as error:
        yield str(error)


@pytest.fixture(scope="session")
def vm(request, kernel, image, wire):
    """The booted machine of this kernel. All tests on the kernel share it."""
    prefix, arguments = ((), ()) if isinstance(wire, str) else wire.for_qemu()
    with qemu.Vm(kernel, image, prefix=prefix, arguments=arguments) as machine:
        machine.boot()
        yield machine
        if request.config.getoption("--keep"):
            kept = kernels.cache_dir() / f"console-{kernel.name}"
            shutil.copy(machine.console, kept)
            print(f"\nconsole of {kernel.release}: {kept}")


@pytest.fixture(scope="module")
def veth(vm):
    """A veth pair between the guest's first namespace, where a server runs, and the namespace "peer"."""
    vm.check("/v2m/topology veth")
    server = Server(vm)
    yield
    server.stop()
    vm.check("/v2m/topology down")


TABLE = pytest.StashKey()


def pytest_configure(config):
    config.stash[TABLE] = collections.defaultdict(dict)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    name = getattr(item, "callspec", None) and item.callspec.params.get("kernel")
    if name and (report.when == "call" or not report.passed):
        check = item.nodeid.split("::")[-1].replace(f"[{name}]", "").replace(f"{name}-", "")
        word = {"passed": "ok", "failed": "FAILED", "skipped": "skip"}[report.outcome]
        row = item.config.stash[TABLE][check.removeprefix("test_")]
        row[name] = word if row.get(name) != "FAILED" else "FAILED"


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash[TABLE]
    if not rows:
        return
    releases = {}
    for name in chosen_kernels(config):
        have = kernels.unpacked(name, kernels.stored_in(name))
        releases[name] = have.release.removesuffix(f"-cloud-{kernels.arch_of(name)}") if have else name
    made = {"releases": releases, "rows": rows}
    if config.getoption("--table"):
        config.getoption("--table").write_text(json.dumps(made))
        return
    terminalreporter.section("kernel x check")
    for line in table.lines(made):
        terminalreporter.line(line)
