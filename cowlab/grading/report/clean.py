"""Text that a stranger wrote, made safe to show: in HTML, in a spreadsheet, as the name of a file.

Names, scripts, answers and messages come from submissions, and may be written to deceive: to become markup or a formula, to
turn the direction of a line, to look like nothing at all.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from html import escape

MOST = 2_000  # characters of one text
MARKS = 4  # accents on one letter; more of them would cover the lines above
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # controls, formats (the bidi overrides), surrogates, separators of lines
JOINERS = "\u200c\u200d"  # of Persian words and of emoji

# What a spreadsheet takes for the start of a formula, at the start of a cell; and of what may become a cell, where another
# sign than the comma parts the columns.
FORMULA = re.compile(r"""((?:^|[,;|])[\s"']*)(?=[=+\-@＝＋－＠])""")


def visible(text: str, most: int = MOST) -> str:
    """The text with its hidden signs by their numbers, ‹U+202E›, and no longer than that. Newlines stay."""
    if len(text) > most:
        text = f"{text[:most]}… ({len(text) - most:,} more characters)"
    if text.isascii() and text.isprintable():
        return text
    shown, marks = [], 0
    for sign in text.replace("\r\n", "\n").replace("\t", "    "):
        category = unicodedata.category(sign)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= MARKS:
            hidden = category in HIDDEN and sign != "\n" and sign not in JOINERS
            shown.append(f"‹U+{ord(sign):04X}›" if hidden else sign)
    return "".join(shown)


def html(text: str, most: int = MOST) -> str:
    """The text for HTML, in an element or a quoted attribute."""
    return escape(visible(text, most))


def apart(text: str, most: int = 120) -> str:
    """A name as an element of its own: whichever way it runs, what stands beside it stays where it is."""
    return f"<bdi>{html(' '.join(text.split()) or '(no name)', most)}</bdi>"


def cell(text: str, most: int = MOST) -> str:
    """The text for a cell of a spreadsheet: one line, nothing hidden, and never a formula."""
    shown = "".join(
        sign if sign in JOINERS or unicodedata.category(sign) not in HIDDEN else " " for sign in text[:most]
    )
    return FORMULA.sub(r"\1'", " ".join(shown.split()))


def slug(text: str, most: int = 40) -> str:
    """What of the text may stand in the name of a file on any system: a-z, 0-9 and single hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:most].strip("-")


def file_name(*texts: str) -> str:
    """A name of a file for these texts, different for different ones: ada-01-copy-on-write-3f2a9c1e."""
    unlike = hashlib.sha256(ascii(texts).encode()).hexdigest()[:8]
    return "-".join([*filter(None, map(slug, texts)), unlike])
