"""What every command of the command line shares: bad input as one message, and tables on a terminal."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cowlab.events import MAX_BYTES
from cowlab.policy import Policy
from cowlab.scenario import Scenario, policy_named, read_scenario, scenarios, unknown

if TYPE_CHECKING:
    from rich.console import Console


class Problem(Exception):
    """Bad input: the message is for the user."""


def find_policy(name: str) -> Policy:
    try:
        return policy_named(name)
    except ValueError as error:
        raise Problem(str(error)) from None


def find_scenario(name: str) -> Scenario:
    """A file, standard input (-), or a scenario of the atlas. Raises Problem or ScriptError."""
    if name == "-":
        return read_scenario(decode(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input"), "standard input")
    if not name:
        raise Problem("no scenario: give a .cow file or a name, like 'leak'")
    path = Path(name)
    try:
        if name in scenarios() and not path.is_file():
            return scenarios()[name]
        if path.is_dir():
            raise Problem(f"{name}: is a folder; a .cow file was expected")
        if not path.exists():
            if path.suffix == ".cow" or len(path.parts) > 1:
                raise Problem(f"{name}: no such file")
            raise Problem(unknown("scenario", name, list(scenarios())))
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise Problem(f"{name}: cannot be read ({error.strerror})") from None
    return read_scenario(decode(data, name), name)


def check_free(name: str) -> None:
    """Before long work, whether a new file can be made there. Raises Problem."""
    path = Path(name)
    if not name:
        raise Problem("the name of the file to write is empty: give one")
    try:
        if path.exists() or path.is_symlink():
            raise Problem(f"{name}: exists, and is left alone; give another name, or remove it first")
        if not path.parent.is_dir():
            raise Problem(f"{name}: there is no folder {path.parent}; make it first, or give another name")
    except OSError as error:
        raise Problem(f"{name}: cannot be written ({error.strerror})") from None
    if not os.access(path.parent, os.W_OK):
        raise Problem(f"{name}: cannot be written: you may make no file in {path.parent}; give another name")


def decode(data: bytes, name: str) -> str:
    """The text of a script. Raises Problem for one that is too long or no text."""
    if len(data) > MAX_BYTES:
        raise Problem(f"{name}: too long; at most {MAX_BYTES:,} bytes are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise Problem(f"{name}: not a text file; a script has one event a line, like 'P: write A'")
    return text.replace("\r\n", "\n")


def printable(text: str) -> str:
    """With escapes for what a terminal would obey: a file may hold anything."""
    return "".join(sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in text)


def console(args: argparse.Namespace) -> Console:
    """A terminal to print on. Raises Problem where rich is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        raise Problem("tables need the package 'rich': pip install rich, or use --json") from None
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without these signs gets question marks
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 500  # a file or pipe need not be narrow
    made = Console(no_color=args.no_color or None, highlight=False, width=width)
    made.on_broken_pipe = reader_gone  # type: ignore[method-assign]
    return made


def reader_gone() -> None:
    """In the place of rich's way to end, which is exit code 1."""
    raise BrokenPipeError


def table(*columns: str) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column, no_wrap=column != "why")  # the only one that may be long
    return made
