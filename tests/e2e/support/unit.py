# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the unit file of systemd grants, and what each process of the daemon has of it."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]
UNIT_FILE = ROOT / "packaging/systemd/v2meterd.service.in"
USERS_FILE = ROOT / "packaging/sysusers/v2meter.conf"
# linux/capability.h
NUMBERS = {"CAP_DAC_READ_SEARCH": 2, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7, "CAP_NET_ADMIN": 12,
           "CAP_SYS_CHROOT": 18, "CAP_SYS_PTRACE": 19, "CAP_PERFMON": 38, "CAP_BPF": 39}


def setting(name):
    """The value of a setting that is in the unit once."""
    values = re.findall(f"^{name}=(.*)$", UNIT_FILE.read_text(), re.MULTILINE)
    assert len(values) == 1, f"{name}: {values}"
    return values[0]


def granted():
    return setting("CapabilityBoundingSet").split()


def bits(names):
    return sum(1 << NUMBERS[name] for name in names)


def setpriv():
    """The command prefix that runs a command as root with the unit's capabilities and no others."""
    assert setting("NoNewPrivileges") == "yes"
    chosen = "".join(f",+{name.removeprefix('CAP_').lower()}" for name in granted())
    return ["setpriv", f"--bounding-set=-all{chosen}", "--inh-caps=-all", "--no-new-privs"]


def users():
    """The users that the package makes."""
    return re.findall(r"^u (\S+)", USERS_FILE.read_text(), re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Rights:
    """What a process may do: its user, its capabilities, and whether it has a list of calls of its own."""

    user: str
    capabilities: tuple
    own_filter: bool = True


# By the names that the processes give themselves.
PROCESSES = {
    "v2meterd": Rights("root", tuple(granted()), own_filter=False),
    "v2meter-answer": Rights("v2meter", ()),
    "v2meter-read": Rights("v2meter-reader", ("CAP_DAC_READ_SEARCH",)),
    "v2meter-follow": Rights("v2meter-reader", ("CAP_DAC_READ_SEARCH",)),
}


def check(status, ids, filtered=False):
    """Asserts that a process has exactly its rights. status: the text of /proc/PID/status. ids: the id of each user.
    filtered: all processes have a filter of systemd. Returns the name of the process."""
    facts = {name: value.split() for name, value in re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE)}
    name = facts["Name"][0]
    rights = PROCESSES[name]
    has = [int(facts[part][0], 16) for part in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
    own = bits(rights.capabilities)
    # Only CAP_SETPCAP may take from the bounding set. With no_new_privs the set gives nothing to anybody.
    assert has == [0, own, own, bits(granted()), 0], f"{name}: {status}"
    assert facts["Uid"] == facts["Gid"] == [str(ids[rights.user])] * 4, f"{name}: {status}"
    assert facts["NoNewPrivs"] == ["1"], f"{name}: {status}"
    assert facts["Seccomp"] == ["2" if filtered or rights.own_filter else "0"], f"{name}: {status}"
    if rights.user != "root":
        assert facts["Groups"] == [], f"{name}: {status}"
    return name
