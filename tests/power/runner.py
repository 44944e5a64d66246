# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs tests in a copy of the tree that has a fault, and says which check failed."""

import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import time
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTEST = ("/usr/bin/python3", "-m", "pytest", "-q", "-x", "-rfE", "-p", "no:cacheprovider")
DAEMON = ("v2meterd", "v2meterctl", "v2meter-notify", "http_server")
LIMIT_S = 600
# Says in each kind of output which check failed: pytest's comparison, cmocka's and its place, a sanitizer, CTest.
CHECKS = (r"^E   +((?:\w+: )?assert .*|\w+(?:Error|Exception|Expired): .*|[\[{'].* != .*)$",
          r"^(?:\d+: )?\[  ERROR   \] --- (.*)$", r"^(?:\d+: )?\[   LINE   \] --- (.*)$",
          r"(ERROR: \w+Sanitizer: .*|runtime error: .*)$", r"^.*\*\*\*(Timeout|Failed|Exception.*?)  .*$")
FAILED_NAME = r"^(?:FAILED|ERROR) (?:tests/\S*?/)?(\S+)|^(?:\d+: )?\[  FAILED  \] (\w+)$"


class Test(typing.NamedTuple):
    command: tuple
    preset: str      # of CMakePresets.json
    targets: tuple   # what the command needs, built with that preset
    statuses: tuple  # the command ends with one of these if a test failed; any other tells of something else


class Outcome(typing.NamedTuple):
    word: str        # "passed", "failed", "skipped" or "broken": no test ran
    why: str
    output: str


def e2e(module, expression):
    return Test((*PYTEST, f"tests/e2e/{module}.py", "-k", expression), "debug", DAEMON, (1,))


def vm(module, expression, kernel):
    command = (*PYTEST, f"tests/vm/{module}.py", "-k", expression, "--kernels", kernel)
    return Test(command, "release", DAEMON[:3], (1,))


def ctest(name):
    command = ("ctest", "--test-dir", "build-debug", "--no-tests=error", "--output-on-failure", "-V", "-R", f"^{name}$")
    return Test(command, "debug", (name,), (8,))


class BuildError(Exception):
    """The tree cannot be built; the text is the compiler's."""


class Tree:
    """A copy of the files that git knows."""

    def __init__(self, folder, lock):
        """lock: a file to lock while a test runs, or None."""
        self.folder, self.lock = folder, lock

    def update(self):
        """Copies what differs. The rest keeps its time, so that it is not built anew."""
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True)
        for name in filter(None, listed.stdout.decode().split("\0")):
            source, copy = ROOT / name, self.folder / name
            if source.is_file() and not (copy.is_file() and copy.read_bytes() == source.read_bytes()):
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(source.read_bytes())
                copy.chmod(source.stat().st_mode)
        (self.folder / "build").mkdir(exist_ok=True)
        for name in ("v2ray", "nginx"):
            link = self.folder / "build" / name
            if (ROOT / "build" / name).is_dir() and not link.is_symlink():
                link.symlink_to(ROOT / "build" / name)

    def build(self, tests):
        for preset in sorted({test.preset for test in tests}):
            targets = sorted({target for test in tests if test.preset == preset for target in test.targets})
            # A fault may leave a function that nobody calls.
            for command in (["cmake", "--preset", preset, "-DV2M_WERROR=OFF"],
                            ["cmake", "--build", "--preset", preset, "--target", *targets]):
                made = self._run(command)
                if made.returncode:
                    raise BuildError(made.stdout)

    def run(self, test):
        environment = {"V2METER_VM_CACHE": str(ROOT / "build" / "vm"), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            with self._locked():
                done = self._run(test.command, timeout=LIMIT_S, env={**environment, **os.environ})
        except subprocess.TimeoutExpired as error:
            return Outcome("failed", f"it does not end within {LIMIT_S} s", (error.stdout or b"").decode())
        if done.returncode in test.statuses:
            return Outcome("failed", failed_check(done.stdout), done.stdout)
        if done.returncode:
            return Outcome("broken", f"status {done.returncode}", done.stdout)
        ran = re.search(r"\b\d+ passed\b|\bPassed\b", done.stdout)
        return Outcome("passed" if ran else "skipped", "", done.stdout)

    @contextlib.contextmanager
    def fault(self, file, there, instead):
        path = self.folder / file
        sound = path.read_text()
        path.write_text(sound.replace(there, instead))
        try:
            yield
        finally:
            path.write_text(sound)

    def _run(self, command, **options):
        return subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, **options)

    @contextlib.contextmanager
    def _locked(self):
        if not self.lock:
            yield
            return
        with open(self.lock, "w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def failed_check(output):
    """The name of the first test that failed, and the line that tells what was expected. A reader sees whether the
    test failed for the fault or for something else."""
    name = re.search(FAILED_NAME, output, re.MULTILINE)
    said = [re.findall(each, output, re.MULTILINE) for each in CHECKS]
    # pytest shows last what it compared last. All others stop at the first finding.
    shown = said[0][-2:] or [found[0] for found in said if found][:2]
    words = ([next(filter(None, name.groups()))] if name else []) + [each.strip() for each in shown]
    return ": ".join(words)[:300] or f"nothing that this program knows:\n{output[-2000:]}"


class Clock:
    """How long something took, for the lines of the report."""

    def __init__(self):
        self.began = time.monotonic()

    def __str__(self):
        return f"{time.monotonic() - self.began:.0f} s"
