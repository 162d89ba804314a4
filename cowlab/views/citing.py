"""Where a decision was read from: commits in Linus Torvalds' tree, mails in the list's archive."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

COMMIT = 12  # hex digits


def is_commit(source: str) -> bool:
    return len(source) == COMMIT and all(digit in "0123456789abcdef" for digit in source)


def link(source: str) -> str:
    """Opened only by who clicks."""
    where = "https://git.kernel.org/linus/" if is_commit(source) else "https://lore.kernel.org/r/"
    return f'<a href="{where}{quote(source)}" target="_blank" rel="noopener noreferrer">{escape(source)}</a>'
