"""What every command of the command line shares: bad input as one message, and tables on a terminal."""

from __future__ import annotations

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING, Any

from cowlab.policy import Policy
from cowlab.scenario import policy_named

if TYPE_CHECKING:
    from rich.console import Console


class Problem(Exception):
    """Bad input: the message is for the user."""


def find_policy(name: str) -> Policy:
    try:
        return policy_named(name)
    except ValueError as error:
        raise Problem(str(error)) from None


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
