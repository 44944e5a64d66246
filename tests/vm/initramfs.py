# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The guest's initial root: busybox, kernel modules, our programs and the libraries they need."""

import os
import pathlib
import re
import shutil
import stat
import subprocess

GUEST = pathlib.Path(__file__).resolve().parent / "guest"

# Loaded at boot. Modules that a kernel has built in are left out; the checks show what is missing.
BASE_MODULES = (
    "virtio_pci", "virtio_net", "virtio_blk", "veth", "tun", "cls_bpf", "sch_ingress",
    "tcp_diag", "udp_diag")
# In the archive, and loaded when a check asks for them by name.
MORE_MODULES = (
    "8021q", "bonding", "bridge", "macvlan", "wireguard", "dummy", "ifb", "sch_fq", "sch_fq_codel",
    "sch_htb", "sch_netem", "sch_tbf", "act_mirred", "act_gact", "cls_matchall", "cls_flower", "cls_u32",
    "nf_tables", "nft_chain_nat", "nft_nat", "nft_ct", "nft_masq", "nft_compat", "nft_redir", "nf_conntrack",
    "nf_conntrack_netlink", "iptable_nat", "xt_REDIRECT", "xt_tcpudp",
    "ext4", "xfs")

# Copied from this machine, with their libraries.
HOST_PROGRAMS = ("ip", "tc", "ethtool", "bpftool", "setpriv", "nft", "wg")


class Archive:
    """A cpio archive in the 'newc' format (Documentation/driver-api/early-userspace/
    buffer-format.rst), which the kernel unpacks into its first root."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.inode = 0
        self.names = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._entry("TRAILER!!!", 0, b"")
        self.file.close()

    def _pad(self):
        self.file.write(b"\0" * (-self.file.tell() % 4))

    def _entry(self, name, mode, data, device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        self.file.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self._pad()
        self.file.write(data)
        self._pad()

    def folder(self, name):
        name = name.strip("/")
        if not name or name in self.names:
            return
        self.folder(os.path.dirname(name))
        self.names.add(name)
        self._entry(name, stat.S_IFDIR | 0o755, b"")

    def add(self, name, data, mode=0o755):
        name = name.strip("/")
        if name in self.names:
            return
        self.folder(os.path.dirname(name))
        self.names.add(name)
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        name = name.strip("/")
        if name not in self.names:
            self.folder(os.path.dirname(name))
            self.names.add(name)
            self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFCHR | 0o600, b"", (major, minor))


# The packages of HOST_PROGRAMS, busybox, dash, and of the libraries of our programs, for a guest of another
# architecture than this machine's.
PACKAGES = ("busybox-static", "dash", "iproute2", "ethtool", "bpftool", "util-linux", "nftables", "wireguard-tools",
            "libbpf1", "libmnl0", "libjansson4", "libyaml-0-2", "libsqlite3-0", "zlib1g", "libcurl4", "libsystemd0",
            "libuuid1", "libcivetweb1", "libseccomp2", "libncursesw6", "libnghttp2-14", "libprotobuf-c1", "libcmocka0")


class Tree:
    """Programs and libraries of another architecture, in a tree of unpacked packages."""

    def __init__(self, root):
        self.root = pathlib.Path(root)

    def find(self, name, folders):
        for folder in folders:
            path = self.root / folder / name
            # An absolute link would lead out of the tree.
            while path.is_symlink():
                path = self.root / os.path.join(path.parent.relative_to(self.root), os.readlink(path)).lstrip("/")
            if path.exists():
                return path
        raise RuntimeError(f"{name} is not in {self.root}")

    def program(self, name):
        return self.find(name, ("usr/sbin", "usr/bin", "sbin", "bin"))

    def libraries(self, program):
        """Pairs of the path in the guest and the file here: the loader, and all libraries that the program needs."""
        found, queue = {}, [program]
        while queue:
            text = subprocess.run(["readelf", "-ldW", queue.pop()], capture_output=True, text=True, check=True,
                                  timeout=30).stdout
            names = re.findall(r"\(NEEDED\).*\[(.*)\]", text)
            loader = re.findall(r"program interpreter: (/\S+)\]", text)
            for name in names + [os.path.basename(path) for path in loader]:
                if name not in found:
                    found[name] = self.find(name, ("lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib"))
                    queue.append(found[name])
        return [(f"/lib/{'aarch64-linux-gnu/' if not name.startswith('ld-') else ''}{name}", path)
                for name, path in found.items()]


def libraries_of(program):
    """The shared objects that a program needs, as the loader lists them. A static program needs none."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=False,
                          timeout=30).stdout
    if "not found" in text:
        raise RuntimeError(f"{program}: a library is missing:\n{text}")
    return re.findall(r"(?:=> )?(/\S+) \(0x", text)


def add_program(archive, source, target, tree=None):
    """Adds a program at target, and its libraries where its loader looks for them. tree: has those of another
    architecture."""
    archive.add(target, pathlib.Path(source).read_bytes())
    if tree:
        for name, library in tree.libraries(source):
            archive.add(name, library.read_bytes())
        return
    for library in libraries_of(source):
        archive.add(library, pathlib.Path(library).read_bytes())


def host_program(name):
    path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise RuntimeError(f"{name} is not installed; scripts/setup installs it")
    return path


def build(kernel, target, programs, files=None, tree=None):
    """Writes the archive for a kernel. programs maps names in the guest's /bin to paths here, files maps
    paths in the guest to bytes. HOST_PROGRAMS are added: this machine's, or those of the tree."""
    system_program = tree.program if tree else host_program
    with Archive(target) as archive:
        for name in ("proc", "sys", "dev", "tmp", "run", "var/lib", "root", "mnt", "etc/iproute2"):
            archive.folder(name)
        archive.device("dev/console", 5, 1)
        add_program(archive, system_program("busybox"), "bin/busybox", tree)
        # busybox's shell, as Debian builds it, prefers its own ip and tc to those in PATH.
        add_program(archive, system_program("dash"), "bin/sh", tree)
        for name in HOST_PROGRAMS:
            add_program(archive, system_program(name), f"bin/{name}", tree)
        for name, source in programs.items():
            add_program(archive, source, f"bin/{name}", tree)
        for source in sorted(GUEST.iterdir()):
            archive.add("init" if source.name == "init" else f"v2m/{source.name}",
                        source.read_bytes())
        add_modules(archive, kernel)
        for name, data in (files or {}).items():
            archive.add(name, data)


def add_modules(archive, kernel):
    """Adds the modules, and each list of modules in load order as /v2m/modules.<name>."""
    boot = kernel.load_order(BASE_MODULES)
    archive.add("v2m/modules.boot", "".join(f"{name}\n" for name in boot).encode(), 0o644)
    carried = set(boot)
    for wanted in MORE_MODULES:
        order = kernel.load_order([wanted])
        archive.add(f"v2m/modules.{wanted}", "".join(f"{n}\n" for n in order).encode(), 0o644)
        carried.update(order)
    for name in sorted(carried):
        archive.add(f"lib/modules/{name}.ko", kernel.read_module(name), 0o644)
