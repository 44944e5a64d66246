#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""each_line_of_the_threat_model_has_its_test: every row of docs/SECURITY.md says what an attack does and names a test
that exists, and every attacker that the page describes has rows."""

import pathlib
import re
import sys

import attacks

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "SECURITY.md"
ATTACKERS = ("stranger", "reader", "resetter", "customer", "local", "source", "captor")
ROW = re.compile(rf"\| (\d+) \| ({'|'.join(ATTACKERS)}) \| ([^|]+) \| ([^|]+) \| `([^`:]+): (\w+)` \|")


def main():
    text = PAGE.read_text()
    found = list(attacks.findings(text, ROW))
    found += [f"no row is about the attacker {each}" for each in ATTACKERS
              if not re.search(rf"^\| \d+ \| {each} \|", text, re.MULTILINE)]
    found += [f"the attacker {each} is not described" for each in ATTACKERS
              if not re.search(rf"^\| {each} \|", text, re.MULTILINE)]
    print("\n".join(f"docs/SECURITY.md: {what}" for what in found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
