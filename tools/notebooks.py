"""Make notebooks/*.ipynb from the .py beside each: run it, keep the outputs.

    notebooks.py [NAME...]           write the notebooks
    notebooks.py --check [NAME...]   say which are stale, and exit 1

The same source gives the same bytes: cell ids come from what is in the cell; nothing tells
when, where or by which Python a notebook was run. A cell tagged `own-machine` looks at the
machine it runs on: what it shows is for whoever runs it, and not kept.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
WIDGET = "application/vnd.jupyter.widget-view+json"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
OWN_MACHINE = "own-machine"
PATIENCE = 300  # seconds a cell


def main() -> int:
    return each(FOLDER, lambda source, check: put(source.with_suffix(".ipynb"), made(source), check=check))


def each(folder: Path, bring: Callable[[Path, bool], bool]) -> int:
    """Bring what is derived from each source that is asked for. bring: says whether it is fresh. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(sys.modules["__main__"].__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if something is stale")
    parser.add_argument("names", nargs="*", metavar="NAME", help="for example 01_copy_on_write (default: all)")
    args = parser.parse_args()
    bad = False
    for source in [folder / f"{Path(name).stem}.py" for name in args.names] or sorted(folder.glob("[0-9]*.py")):
        try:
            bad |= not bring(source, args.check)
        except (NotebookError, CellExecutionError, OSError) as error:
            print(f"{source.name}: {COLOUR.sub('', str(error))}", file=sys.stderr)
            bad = True
    return int(bad)


def put(target: Path, text: str, *, check: bool) -> bool:
    """Write it if it differs. With check, only say so; True if it was fresh, or is now."""
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return True
    if check:
        print(f"{target.relative_to(ROOT)} is stale: run `make notebooks`", file=sys.stderr)
        return False
    target.parent.mkdir(exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")
    print(f"{target.relative_to(ROOT)} written")
    return True


def written(notebook: nbformat.NotebookNode) -> str:
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)).rstrip("\n") + "\n"


class NotebookError(Exception):
    """Something that no lesson may show."""


def made(source: Path) -> str:
    """The text of the notebook, executed."""
    notebook = jupytext.read(source)
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    name_cells(notebook)
    execute(notebook, FOLDER)
    for cell in notebook.cells:
        tidy(cell)
    return written(notebook)


def name_cells(notebook: nbformat.NotebookNode) -> None:
    """An id for each cell, from its content; a number tells equal cells apart."""
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells in that folder, in a fresh kernel which no personal settings reach, with the cowlab of this clone."""
    with tempfile.TemporaryDirectory() as empty:
        clean = {"IPYTHONDIR": empty, "JUPYTER_DATA_DIR": empty, "PYTHONHASHSEED": "0", "NO_COLOR": "1"}
        clean["PYTHONPATH"] = str(ROOT)
        before = {name: os.environ.get(name) for name in clean}
        os.environ.update(clean)
        try:
            NotebookClient(
                notebook,
                timeout=PATIENCE,
                kernel_name="python3",
                record_timing=False,
                store_widget_state=False,
                coalesce_streams=True,  # how often the kernel flushes is a matter of chance
                extra_arguments=["--IPKernelApp.log_level=ERROR"],
                resources={"metadata": {"path": str(folder)}},
            ).execute()
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def tidy(cell: nbformat.NotebookNode) -> None:
    """Refuse what no lesson may show, and drop what differs from run to run."""
    if cell.cell_type != "code":
        return
    cell.metadata.pop("execution", None)
    first = cell.source.partition("\n")[0]
    if cell.execution_count is None:
        raise NotebookError(f"was not executed: {first}")
    for number, output in enumerate(cell.outputs):
        if WIDGET in output.get("data", {}):  # the kernel drew a number for it, which nobody knows any more
            output.data[WIDGET]["model_id"] = hashlib.sha256(f"{cell.id} {number}".encode()).hexdigest()[:32]
        if output.output_type == "stream" and output.name == "stderr":
            raise NotebookError(f"prints to stderr: {first}\n{output.text}")
        shown = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        if ADDRESS.search(shown):
            raise NotebookError(f"shows the address of an object: {first}\n{shown}")
    if OWN_MACHINE in cell.metadata.get("tags", ()):
        cell.outputs = []


if __name__ == "__main__":
    sys.exit(main())
