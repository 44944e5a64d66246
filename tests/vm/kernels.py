# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's cloud kernels, fetched by apt with a configuration of its own and kept in a cache.

apt checks the signatures of the indexes and the SHA-256 of each package. It uses the mirror that
this machine's apt is configured with, and neither reads nor changes its package state.
"""

import dataclasses
import functools
import lzma
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The kernels of the matrix by name: the suites to look in and the series (None: the newest).
SERIES = {
    "5.10": (("bullseye", "bullseye-security"), "5.10"),
    "6.1": (("bookworm", "bookworm-security"), "6.1"),
    "6.12": (("trixie", "trixie-security"), "6.12"),
    "newest": (("sid",), None),
}
# Kernels for arm64. They are no part of "all", because their guests run programs that are cross compiled.
ARM64 = {f"arm64-{name}": suites for name, suites in SERIES.items()}
KNOWN = {**SERIES, **ARM64}
ALIASES = {"oldest": "5.10"}
REFRESH_S = 7 * 86400
APT_TIMEOUT_S = 300


class Unavailable(Exception):
    """The kernel cannot be fetched here; the text says why. Tests skip then."""


@dataclasses.dataclass(frozen=True)
class Kernel:
    """An unpacked kernel: its image and the folder of its modules."""

    name: str
    release: str
    image: pathlib.Path
    modules: pathlib.Path

    @property
    def arch(self):
        """As Debian calls it."""
        return arch_of(self.name)

    @property
    def version(self):
        return tuple(int(part) for part in re.match(r"(\d+)\.(\d+)", self.release).groups())

    @functools.cached_property
    def module_files(self):
        """Maps module names, with underscores, to files."""
        files = {}
        for path in self.modules.rglob("*.ko*"):
            files[path.name.split(".ko")[0].replace("-", "_")] = path
        return files

    def read_module(self, name):
        """The module's ELF file without compression, which insmod accepts on every kernel."""
        path = self.module_files[name]
        data = path.read_bytes()
        if path.suffix == ".xz":
            data = lzma.decompress(data)
        elif path.suffix != ".ko":
            raise Unavailable(f"{path.name}: unknown compression")
        return data

    def load_order(self, wanted):
        """The wanted modules and those they need, dependencies first. Reads the .modinfo of the modules,
        because Debian ships no modules.dep (depmod makes it at installation). Leaves out modules that
        this kernel has built in."""
        order = []
        seen = set()

        def visit(name):
            name = name.replace("-", "_")
            if name in seen or name not in self.module_files:
                return
            seen.add(name)
            for needed in module_needs(self.read_module(name)):
                visit(needed)
            order.append(name)

        for name in wanted:
            visit(name)
        return order


def module_needs(elf):
    """The modules that .modinfo names under depends= and softdep=pre:."""
    needs = []
    for match in re.finditer(rb"\0depends=([^\0]+)\0", elf):
        needs += match.group(1).decode().split(",")
    for match in re.finditer(rb"\0softdep=pre: ([^\0]+)\0", elf):
        needs += match.group(1).decode().split(" post:")[0].split()
    return needs


def cache_dir():
    root = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("V2METER_VM_CACHE", root / "build" / "vm"))


def names_from(text):
    """Turns words as in 'oldest,newest' into names in SERIES. ValueError for any other word."""
    names = []
    for word in text.split(","):
        # Interned, because pytest 7 compares the parameters of a fixture by identity.
        name = sys.intern(ALIASES.get(word.strip(), word.strip()))
        if name not in KNOWN:
            raise ValueError(f"{word}: not one of {', '.join([*KNOWN, *ALIASES])}")
        if name not in names:
            names.append(name)
    return names


def arch_of(name):
    return "arm64" if name in ARM64 else "amd64"


def mirrors():
    """The URIs of Debian's archive and of its security archive that apt is configured with."""
    text = subprocess.run(
        ["apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE)"],
        capture_output=True, text=True, check=False, timeout=60).stdout
    found = {}
    for line in text.splitlines():
        uri, _, release = line.partition(" ")
        kind = "security" if release.endswith("-security") else "main"
        if re.fullmatch(r"[a-z]+(-security|-updates)?", release) and "debian" in uri:
            found.setdefault(kind, uri)
    if set(found) != {"main", "security"}:
        raise Unavailable("apt is not configured with Debian's archive and security archive")
    return found


class Apt:
    """apt with its own sources, lists and cache."""

    def __init__(self, folder, arch="amd64"):
        self.folder, self.arch = folder, arch
        for part in ("lists/partial", "archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.options = []
        for key, value in {
                "Dir::State": folder, "Dir::State::lists": folder / "lists",
                "Dir::State::status": "/dev/null", "Dir::Cache": folder,
                "Dir::Etc::sourcelist": folder / "sources.list",
                "Dir::Etc::sourceparts": "/dev/null", "Dir::Etc::preferencesparts": "/dev/null",
                "APT::Sandbox::User": "root", "APT::Architecture": arch, "APT::Architectures": arch,
                "Acquire::Languages": "none", "Acquire::Retries": "2"}.items():
            self.options += ["-o", f"{key}={value}"]

    def run(self, tool, *arguments, cwd=None):
        try:
            done = subprocess.run([tool, *self.options, *arguments], capture_output=True, text=True,
                                  check=False, cwd=cwd, timeout=APT_TIMEOUT_S)
        except FileNotFoundError as error:
            raise Unavailable(f"no {tool} on this machine") from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{tool} did not finish in {APT_TIMEOUT_S} s") from error
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise Unavailable(f"{tool}: {(lines or ['status ' + str(done.returncode)])[0]}")
        return done.stdout

    def update(self, suites):
        uris = mirrors()
        lines = []
        for suite in suites:
            uri = uris["security" if suite.endswith("-security") else "main"]
            lines.append(f"deb [arch={self.arch} signed-by={KEYRING}] {uri} {suite} main\n")
        (self.folder / "sources.list").write_text("".join(lines))
        self.run("apt-get", "--error-on=any", "update")

    def newest_image(self, series):
        """The release of the newest signed cloud kernel, of a series or of all."""
        pattern = re.compile(rf"linux-image-(\d+\.\d+[0-9a-z.+-]*)-cloud-{self.arch}")
        releases = []
        for name in self.run("apt-cache", "pkgnames", "linux-image-").split():
            match = pattern.fullmatch(name)
            release = match and match.group(1)
            # Leaves out the metapackages (6.12) and builds for an older suite (deb11).
            if not release or "-" not in release and "+" not in release or ".deb" in release:
                continue
            if series is None or release.startswith((f"{series}.", f"{series}-")):
                releases.append(release)
        if not releases:
            raise Unavailable(f"the mirror has no cloud kernel {series or ''}".rstrip())
        return max(releases, key=version_key) + f"-cloud-{self.arch}"

    def fetch(self, release, folder):
        """Downloads and unpacks the kernel. Since 7.x the image package is empty and depends on
        linux-binary and linux-modules."""
        names = set(self.run("apt-cache", "pkgnames", "linux-").split())
        packages = [f"linux-{kind}-{release}" for kind in ("image", "binary", "modules")]
        self.run("apt-get", "download", *[p for p in packages if p in names], cwd=folder)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True, timeout=120)
            package.unlink()


    def unpack(self, packages, folder):
        """Unpacks packages and all that they depend on."""
        self.run("apt-get", "-y", "--no-install-recommends", "--download-only", "install", *packages)
        for package in (self.folder / "archives").glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True, timeout=120)


def version_key(release):
    return [int(part) for part in re.findall(r"\d+", release)]


def unpacked(name, folder):
    """The kernel that is unpacked in the folder, or None."""
    try:
        release = (folder / "release").read_text().strip()
    except FileNotFoundError:
        return None
    modules = next(iter(folder.glob(f"**/lib/modules/{release}/kernel")), None)
    if modules is None:
        return None
    # Since 7.x the image is beside the modules.
    for image in (folder / "boot" / f"vmlinuz-{release}", modules.parent / "vmlinuz"):
        if image.exists():
            return Kernel(name, release, image, modules)
    return None


def stored_in(name):
    return cache_dir() / "kernels" / name


def fetch(name, progress):
    suites, series = KNOWN[name]
    apt = Apt(cache_dir() / "apt" / name, arch_of(name))
    progress(f"{name}: asking the mirror")
    apt.update(suites)
    release = apt.newest_image(series)
    final = stored_in(name)
    have = unpacked(name, final)
    if have is None or have.release != release:
        fresh = final.parent / f".{name}.{os.getpid()}"
        fresh.mkdir(parents=True)
        try:
            progress(f"{name}: fetching {release}")
            apt.fetch(release, fresh)
            (fresh / "release").write_text(release + "\n")
            if unpacked(name, fresh) is None:
                raise Unavailable(f"the packages of {release} hold no kernel image and modules")
            shutil.rmtree(final, ignore_errors=True)
            fresh.rename(final)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    os.utime(final / "release")
    return unpacked(name, final)


def get(name, progress=lambda text: None):
    """The kernel of that name: from the cache if it is younger than a week, else from the mirror, and
    if that fails from the cache at any age. Raises Unavailable."""
    have = unpacked(name, stored_in(name))
    if have is not None:
        age_s = time.time() - (stored_in(name) / "release").stat().st_mtime
        if age_s < REFRESH_S:
            return have
    try:
        return fetch(name, progress)
    except Unavailable:
        if have is not None:
            return have
        raise


def programs_tree(arch, packages):
    """The root of a tree with these packages of Debian 12 and all that they depend on. It is made once."""
    tree = cache_dir() / "trees" / arch
    if not tree.exists():
        apt = Apt(cache_dir() / "apt" / f"programs-{arch}", arch)
        apt.update(("bookworm", "bookworm-security"))
        fresh = tree.parent / f".{arch}.{os.getpid()}"
        fresh.mkdir(parents=True)
        try:
            apt.unpack(packages, fresh)
            fresh.rename(tree)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return tree
