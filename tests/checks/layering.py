#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""every_folder_includes_only_what_it_may, no_folder_has_more_than_25_units, and no_units_form_a_circle.

A folder of src/ is a station of the data. RULES names each folder, the folders that it may include and
the outside headers that it may use. A folder that RULES does not know fails the check.

A unit is a .c file with the header of the same name. A header without a .c file is a unit of its own,
unless it is the private header of a module: NAME_internal.h belongs to NAME, and internal.h or private.h
belong to the unit that has the folder's name. One unit depends on another if it includes its header, or if it
uses a symbol that the other defines. nm on the object files of the build shows the symbols, because a private
header that declares the functions of many files hides such a dependency from a reader of the includes.

usage: layering.py BUILD_DIRECTORY
"""

import collections
import json
import pathlib
import re
import shlex
import subprocess
import sys

# Outside headers that only some folders may use. Every folder may use the headers of the C library.
OUTSIDE = {
    "kernel": r"bpf/.*|linux/(bpf|netlink|rtnetlink|pkt_|if_link|inet_diag|sock_diag|tcp|gen_stats|net_namespace)"
              r".*|libmnl/.*|.*\.skel\.h",
    "sqlite": r"sqlite3.*",
    "server": r"civetweb.*",
    "client": r"curl/.*",
    "curses": r"curses.*|ncurses.*",
    "json": r"jansson.*",
    "gzip": r"zlib.*",
    "uuid": r"uuid/.*",
    "systemd": r"systemd/.*",
    "grpc": r"nghttp2/.*|.*\.pb-c\.h",
    "sandbox": r"seccomp.*|linux/(landlock|capability).*",
}

RULES = {
    # folder: (folders that it may include, outside headers that it may use)
    "base": ("", "uuid"),
    "process": ("base", "sandbox"),
    "json": ("base", "json"),
    "apikeys": ("json base", "json"),
    "ledger": ("accounting config keys json base", "sqlite json"),
    "http": ("api apikeys accounting config keys json base", "server json"),
    "collector": ("attribution api apikeys accounting rates budget config keys keys/memory supply drift devices sockets paths datapath "
                  "netlink ledger ipc process base", "systemd"),
    "answering": ("api apikeys ipc http process base", "sandbox"),
    "ctl": ("ctl/doctor ctl/top apikeys json base", "client json"),
    "ctl/doctor": ("ctl config json base", "json sandbox"),
    "notify": ("config json base", "json client sqlite"),
    "ctl/top": ("ctl json base", "json curses"),
    "config": ("json base", "json"),
    "budget": ("config json base", "json"),
    "keys": ("json base", "json"),
    "reading": ("keys keys/formats ipc process json base", "sandbox"),
    "asking": ("ipc keys proxyapi process base", "sandbox"),
    "following": ("ipc keys process base", "sandbox"),
    "discovery": ("base", ""),
    "supply": ("discovery ipc keys process base", ""),
    "keys/memory": ("keys keys/formats json base", "json"),
    "keys/formats": ("keys json base", "json sqlite"),
    "attribution": ("accounting rates config datapath ipc keys process base", ""),
    "accounting": ("keys base", ""),
    "rates": ("accounting keys base", ""),
    "proxyapi": ("keys json base", "grpc"),
    "drift": ("accounting api keys json base", "json"),
    "api": ("accounting rates budget keys json base", "json gzip"),
    "ipc": ("api apikeys accounting keys process base", ""),
    "netlink": ("base", "kernel"),
    "devices": ("netlink base", "kernel"),
    "pins": ("base", "kernel"),
    "sockets": ("pins netlink base", "kernel"),
    "paths": ("netlink base", "kernel"),
    "datapath": ("pins netlink base", "kernel systemd"),
    "selftest": ("datapath netlink base", "kernel"),
    "daemon": ("api apikeys config keys reading asking following supply ipc devices sockets paths datapath netlink ledger http answering collector selftest process base json", "systemd"),
}

SOURCE = pathlib.Path("src")
# A reader can still look over a folder of this size.
MAX_UNITS = 25
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')

failures = []


def folder_of(path):
    """The folder of a file below src/. The name of a nested folder has a slash."""
    return path.relative_to(SOURCE).parent.as_posix()


def source_files():
    files = sorted(path for path in SOURCE.rglob("*") if path.suffix in (".c", ".h"))
    if not files:
        sys.exit("no source file at all: this check sees nothing")
    return files


def includes_of(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def check_folders(files):
    """Checks every include of every file against RULES."""
    seen = 0
    for folder in sorted({folder_of(path) for path in files}):
        if folder not in RULES:
            failures.append(f"src/{folder}: no rule says what this folder may include")
    for folder in RULES:
        if not any(folder_of(path) == folder for path in files):
            failures.append(f"{folder}: there is a rule for this folder and no file in it")
    for path in files:
        allowed, outside = (words.split() for words in RULES.get(folder_of(path), ("", "")))
        for number, header in includes_of(path):
            seen += 1
            ours = SOURCE / header
            if ours.is_file():
                target = folder_of(ours)
                if target != folder_of(path) and target not in allowed:
                    failures.append(f"{path}:{number}: {folder_of(path)} may not include {header}")
                continue
            for kind, pattern in OUTSIDE.items():
                if kind not in outside and re.fullmatch(pattern, header):
                    failures.append(f"{path}:{number}: {folder_of(path)} may not use {header}")
    if not seen:
        failures.append("no include found at all: this check sees nothing")


def unit_of(path):
    """Returns the unit that a file belongs to, as "folder/name"."""
    folder, name = folder_of(path), path.stem
    if name in ("internal", "private"):
        name = folder.split("/")[-1]
    name = name.removesuffix("_internal")
    return f"{folder}/{name}"


def check_sizes(files):
    """Checks how many units each folder has. The units of a nested folder do not count for its parent."""
    units = collections.defaultdict(set)
    for path in files:
        units[folder_of(path)].add(unit_of(path))
    for folder, found in units.items():
        if len(found) > MAX_UNITS:
            failures.append(f"src/{folder}: {len(found)} units, at most {MAX_UNITS} are allowed")


def include_edges(files):
    for path in files:
        for _, header in includes_of(path):
            target = SOURCE / header
            if target.is_file():
                yield unit_of(path), unit_of(target), f"includes {header}"


def symbol_edges(files, build):
    """Yields the uses of symbols of other units, from the object files of the build."""
    commands = json.loads((build / "compile_commands.json").read_text())
    made = {}
    for each in commands:
        words = shlex.split(each["command"])
        made[pathlib.Path(each["file"]).resolve()] = build / words[words.index("-o") + 1]
    units = {}
    for path in files:
        if path.suffix != ".c":
            continue
        if path.resolve() not in made:
            failures.append(f"{path}: the build has no object file of it")
            continue
        units[str(made[path.resolve()])] = unit_of(path)
    defined, used = {}, collections.defaultdict(set)
    listing = subprocess.run(["nm", "-gA", *units], capture_output=True, text=True, check=True)
    for line in listing.stdout.splitlines():
        file, _, rest = line.rpartition(":")
        kind, symbol = rest.split()[-2:]
        if kind == "U":
            used[units[file]].add(symbol)
        else:
            defined[symbol] = units[file]
    if not defined:
        failures.append("no symbol found at all: this check sees nothing")
    for unit, symbols in used.items():
        for symbol in symbols:
            if symbol in defined:
                yield unit, defined[symbol], f"uses {symbol}()"


def circles(edges):
    """Returns the strongly connected components of more than one unit, by Tarjan's algorithm."""
    index, low, stack, on_stack, found = {}, {}, [], set(), []

    def visit(unit):
        index[unit] = low[unit] = len(index)
        stack.append(unit)
        on_stack.add(unit)
        for other in sorted(edges[unit]):
            if other not in index:
                visit(other)
                low[unit] = min(low[unit], low[other])
            elif other in on_stack:
                low[unit] = min(low[unit], index[other])
        if low[unit] == index[unit]:
            circle = set()
            while unit not in circle:
                member = stack.pop()
                on_stack.discard(member)
                circle.add(member)
            if len(circle) > 1:
                found.append(sorted(circle))

    sys.setrecursionlimit(10000)
    for unit in sorted(edges):
        if unit not in index:
            visit(unit)
    return found


def check_circles(files, build):
    edges, reasons = collections.defaultdict(set), {}
    for unit, other, reason in [*include_edges(files), *symbol_edges(files, build)]:
        if unit != other:
            edges[unit].add(other)
            edges[other]  # makes every unit a key
            reasons.setdefault((unit, other), reason)
    for circle in circles(edges):
        failures.append("a circle of units: " + ", ".join(circle))
        failures.extend(f"  {unit} {reasons[unit, other]} of {other}"
                        for unit in circle for other in sorted(edges[unit]) if other in circle)


def main():
    files = source_files()
    check_folders(files)
    check_sizes(files)
    check_circles(files, pathlib.Path(sys.argv[1]))
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
