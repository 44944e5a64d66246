#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""docs_architecture_is_true_of_the_source: checks docs/architecture.md against the tree.

Its table of stations names exactly the folders of src/, each with the folders that the layering check lets
it include. Each walk ("To add a ...") names its example by identifiers in backticks. The files in its table
exist, they are not more than LIMITS allows, and every source file that contains one of the identifiers is
among them. The index in docs/README.md names every document, and
some document shows every picture.
"""

import pathlib
import re
import sys

import layering

PAGE = pathlib.Path("docs/architecture.md")
INDEX = pathlib.Path("docs/README.md")
# How many files one addition may touch.
LIMITS = {"To add a key format": 6, "To add an endpoint": 6, "To add a map": 10}
SOURCES = ("src", "bpf", "include")

failures = []


def sections(text):
    """Returns the text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def rows(section):
    """Returns the cells of the first table of a section, without its head."""
    table = re.search(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
    lines = table.group(0).splitlines()[2:] if table else []
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names_in(cell):
    return re.findall(r"`([^`]+)`", cell)


def check_stations(section):
    described = {}
    for cells in rows(section):
        described[names_in(cells[0])[0]] = set(names_in(cells[-1]))
    folders = {layering.folder_of(path) for path in layering.source_files()}
    for folder in sorted(folders - described.keys()):
        failures.append(f"{PAGE}: the table of stations lacks `{folder}`")
    for folder in sorted(described.keys() - folders):
        failures.append(f"{PAGE}: src/{folder} is described and does not exist")
    for folder in sorted(folders & described.keys()):
        allowed = set(layering.RULES.get(folder, ("", ""))[0].split())
        if described[folder] != allowed:
            failures.append(f"{PAGE}: `{folder}` may include {' '.join(sorted(allowed)) or 'nothing'} by the layering "
                            f"check, the page says {' '.join(sorted(described[folder])) or 'nothing'}")


def files_with(identifier):
    word = re.compile(rf"\b{re.escape(identifier)}\b")
    for top in SOURCES:
        for path in pathlib.Path(top).rglob("*"):
            if path.is_file() and word.search(path.read_text()):
                yield path.as_posix()


def check_walk(title, limit, section):
    identifiers = names_in(re.search(r"Take (.*?) as the example", section, re.DOTALL).group(1))
    files = [names_in(cells[0])[0] for cells in rows(section)]
    if not 0 < len(files) <= limit:
        failures.append(f"{PAGE}: {title}: {len(files)} files, expected 1 to {limit}")
    for file in files:
        if not pathlib.Path(file).is_file():
            failures.append(f"{PAGE}: {title}: {file} does not exist")
    for identifier in identifiers:
        found = sorted(files_with(identifier))
        if not found:
            failures.append(f"{PAGE}: {title}: no source file contains {identifier}")
        failures.extend(f"{PAGE}: {title}: {file} contains {identifier} and is not in the table"
                        for file in found if file not in files)


def check_paths(text):
    """Checks that every path in backticks exists, in the tables or elsewhere."""
    for name in names_in(text):
        if re.fullmatch(r"(src|tests|docs|scripts|bpf|include)/[\w./]*", name) and not pathlib.Path(name).exists():
            failures.append(f"{PAGE}: {name} does not exist")


def check_index():
    linked = set(re.findall(r"\]\(([^)#]+)\)", INDEX.read_text()))
    pages = "".join(page.read_text() for page in pathlib.Path("docs").glob("*.md"))
    for path in sorted(pathlib.Path("docs").rglob("*")):
        name = path.relative_to("docs").as_posix()
        if path.suffix == ".png":
            if f"({name})" not in pages + pathlib.Path("README.md").read_text().replace("docs/", ""):
                failures.append(f"docs/{name}: no document shows this picture")
        elif path.is_file() and path != INDEX and name not in linked:
            failures.append(f"{INDEX}: {name} is not in the index")
    failures.extend(f"{INDEX}: {name} does not exist"
                    for name in sorted(linked) if not (INDEX.parent / name).exists())


def main():
    text = PAGE.read_text()
    found = sections(text)
    for title in ["The stations", *LIMITS]:
        if title not in found:
            sys.exit(f"{PAGE}: there is no section \"{title}\"")
    check_stations(found["The stations"])
    for title, limit in LIMITS.items():
        check_walk(title, limit, found[title])
    check_paths(text)
    check_index()
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


main()
