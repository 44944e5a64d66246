# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Prints the table kernel x check of one run, or of several that ran side by side: table.py FILE...

Each file was written by a run with --table: {"releases": {kernel: release}, "rows": {check:
{kernel: outcome}}}."""

import json
import pathlib
import sys


def lines(table):
    names = list(table["releases"])
    width = max(len(check) for check in table["rows"])
    columns = [max(len(table["releases"][name]), 6) for name in names]
    heads = "  ".join(f"{table['releases'][name]:>{size}}" for name, size in zip(names, columns))
    yield f"{'':{width}}  {heads}"
    for check, row in table["rows"].items():
        cells = "  ".join(f"{row.get(name, '-'):>{size}}" for name, size in zip(names, columns))
        yield f"{check:{width}}  {cells}"


def merged(tables):
    whole = {"releases": {}, "rows": {}}
    for table in tables:
        whole["releases"].update(table["releases"])
        for check, row in table["rows"].items():
            whole["rows"].setdefault(check, {}).update(row)
    return whole


if __name__ == "__main__":
    table = merged(json.loads(pathlib.Path(name).read_text()) for name in sys.argv[1:])
    print("\n".join(lines(table)))
    outcomes = [word for row in table["rows"].values() for word in row.values()]
    print(", ".join(f"{outcomes.count(word)} {word}" for word in ("ok", "FAILED", "skip")
                    if word in outcomes))
