# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Parts of what a benchmark prints that scripts/bench --docs puts into the documents. A part that cannot be
measured says so and why, and the others go on: a run takes many minutes."""

import contextlib
import pathlib
import re
import signal
import sys
import traceback

BEGIN, END = "<!-- measured {}: scripts/bench --docs writes this -->", "<!-- end of {} -->"


MOST_REASON = 300
NOT_MEASURED = "Not measured in this run: {}."
failed = []


@contextlib.contextmanager
def attempt(name, tell=lambda reason: None):
    """Goes on after an error within, which finish() names."""
    try:
        yield
    except Exception as problem:  # whatever it was, other parts can be measured
        traceback.print_exc()
        failed.append(name)
        tell(f"{name}: {' '.join(str(problem).split()) or type(problem).__name__}"[:MOST_REASON])


@contextlib.contextmanager
def section(name):
    print(BEGIN.format(name))
    with attempt(name, lambda reason: print("\n" + NOT_MEASURED.format(reason))):
        yield
    print(END.format(name) + "\n", flush=True)


def needed(value, name):
    """Returns the value, for a part that is made from another one; raises if that was not measured."""
    if value is None:
        raise RuntimeError(f"{name} failed")
    return value


def clean_up_on_sigterm():
    """SIGTERM ends the benchmark as an exception does, so that no namespace, pin or process stays behind."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def finish():
    """The end of each benchmark."""
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def pattern(name, escape=True):
    begin, end = (text.format(name) for text in (BEGIN, END))
    if escape:
        begin, end = map(re.escape, (begin, end))
    return re.compile(begin + "\n(.*?)" + end, re.DOTALL)


def names(text):
    return re.findall(BEGIN.format("([a-z-]+)"), text)


def main(documents, measured):
    """Every part of the documents comes from these outputs. A figure of another run does not stay beside new ones:
    a part that is missing says so. Status 1: some are."""
    said = "".join(pathlib.Path(path).read_text() for path in measured)
    made, used, missing = {}, set(), []
    if not pattern("[a-z-]+", escape=False).search(said):
        sys.exit("nothing was measured: the documents stay as they are")
    for path in map(pathlib.Path, documents):
        text = path.read_text()
        for name in names(text):
            if not pattern(name).search(text):
                sys.exit(f"{path}: {name} was never ended")
            found = pattern(name).search(said)
            if not found or NOT_MEASURED.partition("{")[0] in found.group(0):
                missing.append(name)
            new = found.group(0) if found else "\n".join(
                (BEGIN.format(name), NOT_MEASURED.format("the benchmark ended before"), END.format(name)))
            text = pattern(name).sub(lambda _, new=new: new, text)
            used.add(name)
        made[path] = text
    unused = set(names(said)) - used
    if unused:
        sys.exit(f"no document has {', '.join(sorted(unused))}")
    for path, text in made.items():
        path.write_text(text)
        print(f"{path}: written", file=sys.stderr)
    if missing:
        sys.exit(f"not measured: {', '.join(missing)}")


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(sys.argv[1:split], sys.argv[split + 1:])
