#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""each_attack_has_its_test: every row of tests/attacks.md says what it may change and names a test that exists."""

import pathlib
import re
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
LEAST = 40
ROW = re.compile(r"\| (\d+) \| (customer|stranger|program) \| ([^|]+) \| ([^|]+) \| `([^`:]+): (\w+)` \|")


def findings(text, form):
    rows = [line for line in text.splitlines() if re.match(r"\| \d", line)]
    for place, line in enumerate(rows, 1):
        match = form.fullmatch(line)
        if not match:
            yield f"row {place} is not: number, who, attack, bytes, test: {line}"
            continue
        number, _, _, _, file, name = match.groups()
        path = TESTS / file
        if int(number) != place:
            yield f"row {place} has the number {number}"
        # A C function must also be run, so that it is named a second time.
        least = 2 if file.endswith(".c") else 1
        if not path.is_file() or len(re.findall(rf"\b{name}\b", path.read_text())) < least:
            yield f"row {place}: {file} has no test {name}"
    if len(rows) < LEAST:
        yield f"{len(rows)} attacks, at least {LEAST} are wanted"


def main():
    found = [f"tests/attacks.md: {what}" for what in findings((TESTS / "attacks.md").read_text(), ROW)]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
