# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Parts of what a benchmark prints that scripts/bench --docs puts into the documents."""

import contextlib
import pathlib
import re
import sys

BEGIN, END = "<!-- measured {}: scripts/bench --docs writes this -->", "<!-- end of {} -->"


@contextlib.contextmanager
def section(name):
    print(BEGIN.format(name))
    yield
    print(END.format(name) + "\n", flush=True)


def pattern(name):
    return re.compile(re.escape(BEGIN.format(name)) + "\n(.*?)" + re.escape(END.format(name)), re.DOTALL)


def names(text):
    return re.findall(BEGIN.format("([a-z-]+)"), text)


def main(documents, measured):
    """Every part of the documents, or none, comes from these outputs."""
    said = "".join(pathlib.Path(path).read_text() for path in measured)
    made, used = {}, set()
    for path in map(pathlib.Path, documents):
        text = path.read_text()
        for name in names(text):
            found = pattern(name).search(said)
            if not found or not pattern(name).search(text):
                sys.exit(f"{path}: {name} was {'never ended' if found else 'not measured'}")
            text = pattern(name).sub(lambda _, found=found: found.group(0), text)
            used.add(name)
        made[path] = text
    unused = set(names(said)) - used
    if unused:
        sys.exit(f"no document has {', '.join(sorted(unused))}")
    for path, text in made.items():
        path.write_text(text)
        print(f"{path}: written", file=sys.stderr)


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(sys.argv[1:split], sys.argv[split + 1:])
