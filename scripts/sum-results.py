#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sums the results of one run of scripts/test and prints them: sum-results.py DIRECTORY

The directory holds the JUnit file of CTest for each label, LABEL.ctest.xml, and NAME.pytest.xml for each CTest
test NAME that runs pytest. LABEL.timeout exists if the run of that label had to be ended. For each CTest test, the
tests in its pytest file are counted, or those of cmocka in its output; if there are neither, it counts as one.

CTest tests that ran a second time are in LABEL.again.ctest.xml, and their first pytest file is NAME.first.xml. The
second run counts. What failed in the first one only is named as UNSTEADY.

sum-results.py --failed FILE prints the CTest tests that failed in one JUnit file of CTest, a line each.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

CMOCKA = re.compile(r"^\[\s+(OK|FAILED|SKIPPED)\s+\] ([^\s:]+)$", re.MULTILINE)
REASON = re.compile(r"SKIP[^\n]*")


class Sum:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []
        self.unsteady = []

    def add(self, outcome, name, reason=""):
        if outcome == "passed":
            self.passed += 1
        else:
            (self.failed if outcome == "failed" else self.skipped).append((name, reason))


def one_line(text):
    return " ".join((text or "").split())[:300]


def case_outcome(case):
    for child in case:
        if child.tag in ("failure", "error"):
            return "failed", child.get("message")
        if child.tag == "skipped":
            return "skipped", child.get("message")
    return "passed", ""


def add_pytest(total, name, path, ctest_outcome):
    before = len(total.failed)
    for case in ElementTree.parse(path).iter("testcase"):
        outcome, reason = case_outcome(case)
        total.add(outcome, f"{name}: {case.get('name')}", one_line(reason))
    # It failed outside of a test, for example at its end.
    if ctest_outcome == "failed" and len(total.failed) == before:
        total.add("failed", name, "the run failed, but none of its tests did")


def add_cmocka(total, name, output, ctest_outcome):
    outcomes = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
    # cmocka lists a failed test again in the summary of its group.
    seen = {test: outcomes[word] for word, test in CMOCKA.findall(output)}
    for test, outcome in seen.items():
        reason = REASON.search(output) if outcome == "skipped" else None
        total.add(outcome, f"{name}: {test}", one_line(reason.group(0)) if reason else "")
    if ctest_outcome == "failed" and "failed" not in seen.values():
        total.add("failed", name, "the program ended before its last test")


def ctest_outcome(case):
    outcome, reason = case_outcome(case)
    # CTest also calls a test "skipped" that it could not start, because of a missing program or a failed fixture.
    if outcome == "skipped" and not (reason or "").startswith("SKIP_"):
        outcome = "failed"
    return outcome, reason


def add_case(total, case, pytest):
    name, output = case.get("name"), case.findtext("system-out") or ""
    outcome, reason = ctest_outcome(case)
    if pytest.exists():
        add_pytest(total, name, pytest, outcome)
    elif CMOCKA.search(output) and outcome != "skipped":
        add_cmocka(total, name, output, outcome)
    else:
        said = REASON.search(output) if outcome == "skipped" else None
        total.add(outcome, name, one_line(said.group(0) if said else reason))


def cases_in(path):
    return {case.get("name"): case for case in ElementTree.parse(path).iter("testcase")} if path.exists() else {}


def add_ctest(total, path, directory):
    again = cases_in(path.with_name(path.name.replace(".ctest.xml", ".again.ctest.xml")))
    for name, case in cases_in(path).items():
        add_case(total, again.get(name, case), directory / f"{name}.pytest.xml")
        if name in again:
            first = Sum()
            add_case(first, case, directory / f"{name}.first.xml")
            still = {failed for failed, _ in total.failed}
            total.unsteady += [failed for failed in first.failed if failed[0] not in still]


def print_failed(path):
    for name, case in cases_in(path).items():
        if ctest_outcome(case)[0] == "failed":
            print(name)


def main():
    if sys.argv[1] == "--failed":
        return print_failed(pathlib.Path(sys.argv[2]))
    directory, total = pathlib.Path(sys.argv[1]), Sum()
    for path in sorted(directory.glob("*.ctest.xml")):
        if not path.name.endswith(".again.ctest.xml"):
            add_ctest(total, path, directory)
    for path in sorted(directory.glob("*.timeout")):
        total.add("failed", path.stem, "the tests of this label did not end in time")
    for name, reason in total.skipped:
        print(f"SKIP {name}: {reason or 'no reason was given'}")
    for name, reason in total.unsteady:
        print(f"UNSTEADY {name}: failed, and passed alone: {reason or 'no reason was given'}")
    for name, reason in total.failed:
        print(f"FAIL {name}: {reason}")
    print(f"{total.passed} passed, {len(total.failed)} failed, {len(total.skipped)} skipped")
    # An unknown label gives no results at all.
    return 1 if total.failed or not (total.passed or total.skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
