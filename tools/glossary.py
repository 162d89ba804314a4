"""Make docs/glossary.md from the glossaries at the end of the lessons.

glossary.py            write it
glossary.py --check    say whether it is stale, and exit 1
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jupytext

from notebooks import ROOT, put

TARGET = ROOT / "docs" / "glossary.md"
SECTION = re.compile(r"^## Glossary\n+((?:\|.*\n)+)", re.MULTILINE)
HEAD = """# Glossary

Every word of the course, with the lesson that brings it. Made from the lessons by `make notebooks`: edit there.

| term | meaning | lesson |
|---|---|---|
"""


class Entry(NamedTuple):
    term: str
    meaning: str
    lesson: str  # NN_name

    @property
    def key(self) -> str:
        """What it is sorted by: letters only, whatever their case and mark-up."""
        return re.sub(r"[^a-z0-9 ]", "", self.term.lower().replace("_", " "))

    @property
    def row(self) -> str:
        number = int(self.lesson.partition("_")[0])
        return f"| {self.term} | {self.meaning} | [{number}](../notebooks/{self.lesson}.ipynb) |\n"


def entries(source: Path) -> Iterator[Entry]:
    """The words that a lesson brings. Raises ValueError if it has no glossary."""
    prose = "\n\n".join(cell.source for cell in jupytext.read(source).cells if cell.cell_type == "markdown") + "\n"
    table = SECTION.search(prose)
    if table is None:
        raise ValueError(f"{source.name} has no table under ## Glossary")
    for line in table[1].splitlines()[2:]:  # without its head
        term, meaning = (cell.strip() for cell in line.strip("|").split("|", 1))
        yield Entry(term, meaning.rstrip("| "), source.stem)


def glossary() -> str:
    lessons = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
    found = sorted((entry for lesson in lessons for entry in entries(lesson)), key=lambda entry: entry.key)
    return HEAD + "".join(entry.row for entry in found)


def main() -> int:
    return int(not put(TARGET, glossary(), check="--check" in sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
