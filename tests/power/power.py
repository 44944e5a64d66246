#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Shows that the tests have teeth: breaks one thing at a time in a copy of the tree, and demands that
a test fails. Not part of scripts/test: every fault costs a build. Status 0: every fault was found.

    scripts/test-power [NAME...]
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-q", "-x"]


def e2e(module, expression):
    return [*PYTEST, f"tests/e2e/{module}.py", "-k", expression]


# name, file, what stands there, what is put in its place, the test that has to fail
FAULTS = [
    ("a reset moves no baseline", "src/accounting/account.c",
     "\tsubject->baseline = subject->lifetime;\n", "",
     e2e("test_durability", "resets_by_four")),
    ("a reset is answered before it is on the disk", "src/collector/batch.c",
     "if (v2m_bookkeeper_flush(parts->bookkeeper))\n\t\tundo_resets", "if (0)\n\t\tundo_resets",
     e2e("test_durability", "reset_survives")),
    ("totals are stored without the raw readings", "src/ledger/ledger.c",
     "\tif (!raw->dirty)\n", "\tif (raw)\n",
     e2e("test_durability", "killing")),
    ("a restart forgets the raw readings", "src/accounting/account.c",
     "\tv2m_raw_insert(&account->raw, &stored);\n", "\t(void)stored;\n",
     e2e("test_durability", "killing")),
    ("pinned maps are not taken over", "src/datapath/maps.c",
     "if (meta.abi_hash != wanted->abi_hash)", "if (meta.abi_hash == wanted->abi_hash)",
     ["ctest", "--test-dir", "build-debug", "-L", "bpf"]),
    ("a port is handed over without a last reading", "src/collector/key_change.c",
     "&& v2m_sampling_take(parts))\n", "&& 0)\n",
     e2e("test_durability", "exactly_its_own_time")),
    ("a super-packet counts as one frame", "bpf/traffic.bpf.c",
     "(segments - 1)", "(segments - segments)",
     e2e("test_exact", "super and vmess-tcp and ipv4")),
    ("a cached answer outlives a reset", "src/collector/batch.c",
     "\telse\n\t\tv2m_publisher_withdraw(parts->publisher);\n", "",
     e2e("test_cache_reset", "reset")),
    ("an import leaves no mark", "src/ledger/import.c",
     "\tresult = v2m_cursor_run(&mark);\n", "\tresult = 0;\n",
     e2e("test_transfer", "totals_move")),
    ("an import that was not stored stays in memory", "src/ledger/import.c",
     "\tif (result)\n\t\tundo_in_memory(account, document, document->n_subjects);\n", "",
     e2e("test_transfer", "does_not_fit")),
    ("a cached answer outlives an import", "src/collector/answer_transfer.c",
     "\t\tv2m_publisher_withdraw(parts->publisher);\n", "",
     e2e("test_transfer", "totals_move")),
    ("an export is for all to read", "src/ctl/transfer.c",
     "0600", "0644",
     e2e("test_transfer", "private")),
    ("the rates of a port go to its next owner", "src/collector/key_change.c",
     "\tv2m_bookkeeper_change_owners(parts->bookkeeper, v2m_key_supply_active(parts->keys), next);\n", "",
     e2e("test_curves", "area_under")),
]


def copy_tree(to):
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, to / name)
    if (ROOT / "build" / "v2ray").is_dir():
        (to / "build").mkdir()
        (to / "build" / "v2ray").symlink_to(ROOT / "build" / "v2ray")


def run(tree, command):
    return subprocess.run(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=600)


def build(tree):
    for command in (["cmake", "--preset", "debug"], ["cmake", "--build", "--preset", "debug"]):
        made = run(tree, command)
        if made.returncode:
            sys.exit(f"{' '.join(command)}:\n{made.stdout}")


def is_found(tree, fault):
    """The fault's test must pass before the fault and fail with it."""
    name, file, there, instead, test = fault
    path = tree / file
    sound = path.read_text()
    if sound.count(there) != 1:
        sys.exit(f"{name}: {file} does not hold this exactly once:\n{there}")
    build(tree)
    before = run(tree, test)
    if before.returncode:
        sys.exit(f"{name}: fails without the fault already:\n{before.stdout}")
    path.write_text(sound.replace(there, instead))
    build(tree)
    found = run(tree, test).returncode != 0
    path.write_text(sound)
    return found


def main():
    unknown = set(sys.argv[1:]) - {fault[0] for fault in FAULTS}
    if unknown:
        sys.exit(f"no such fault: {', '.join(sorted(unknown))}; there are:\n"
                 + "\n".join(f"  {fault[0]}" for fault in FAULTS))
    wanted = [fault for fault in FAULTS if not sys.argv[1:] or fault[0] in sys.argv[1:]]
    missed = 0
    with tempfile.TemporaryDirectory(prefix="v2m-power-") as directory:
        tree = pathlib.Path(directory)
        copy_tree(tree)
        for fault in wanted:
            found = is_found(tree, fault)
            missed += not found
            print(f"{'found ' if found else 'MISSED'}  {fault[0]}", flush=True)
    print(f"{len(wanted) - missed} of {len(wanted)} faults found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
