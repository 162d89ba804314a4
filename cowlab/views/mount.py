"""How a view comes into a page: its styles, its data as JSON, and the one module of JavaScript that draws it.

The same text is inlined in pages and notebooks, and loaded as a module by widgets (widget.py). Nothing is fetched.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any

from cowlab.views.picture import style

# Each has a NAME.js; all but the first a NAME.css and a Stepper inside.
VIEWS = ("stepper", "predict", "sandbox", "matrix", "editor", "graph")
_count = itertools.count(1)

PAGE = """html{background:#fff}body{margin:0}main>.cowlab[data-cowlab]{padding:18px 22px 22px;min-height:100vh}
@media (prefers-color-scheme:dark){html{background:#111}}html:has(body[data-jp-theme-light="true"]){background:#fff}
html:has(body[data-jp-theme-light="false"]){background:#111}"""


@cache
def script(name: str, package: str = "cowlab.views") -> str:
    return resources.files(package).joinpath(name).read_text("utf-8").strip()


@cache
def module() -> str:
    """All views as one JavaScript module, for widgets."""
    return "\n".join([*(script(f"{name}.js") for name in ("cowlab", *VIEWS)), "export default { render };"])


def sheets(*views: str) -> str:
    """The styles of these views, and what all share."""
    return "".join(style(f"{name}.css") for name in ("picture", "cowlab", *views) if name != "stepper")


def as_json(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element: no < at all, so neither </script> nor <!-- can end it early.

    Nor are there the two signs that end a line of JavaScript and not one of JSON.
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def fragment(
    view: str,
    data: Mapping[str, Any],
    *,
    title: str,
    lede: str,
    still: str,
    classes: str = "",
    more: tuple[str, ...] = (),
) -> str:
    """The HTML of one view with everything it needs. still: what is shown where no script may run.

    more: names of more styles, each of which is also a class, cow-NAME.

    The view's data travels as data: where scripts are not trusted, styles are not either, and dead controls would lie
    about in the page.
    """
    text = as_json(data)
    ident = f"cow-{hashlib.sha1(text.encode()).hexdigest()[:10]}-{next(_count)}"
    names = " ".join(["cowlab", *(f"cow-{name}" for name in (view, *more))])
    source = "\n".join(script(f"{name}.js") for name in dict.fromkeys(("cowlab", "stepper", view)))
    return (
        f'<div class="{names}{classes}" data-cowlab="{ident}" tabindex="-1"><style>{sheets(view, *more)}</style>'
        f'<h1 class="cow-title">{escape(title)}</h1><p class="lede">{escape(lede)}</p>'
        f'<div class="cow-live"></div><div class="cow-still">{still}</div>'
        f'<script type="application/json" class="cow-frames">{text}</script>'
        f'<script>{{{source}\nmount("{ident}", "{view}")}}</script></div>'
    )


def notice(words: str) -> str:
    """The line that says why something else is shown than usual."""
    return f"<p><em>{escape(words)}</em></p>"


def page(title: str, body: str) -> str:
    """A page of its own around a fragment; it needs no network."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{PAGE}</style></head><body><main>{body}</main></body></html>"
    )


def locked(title: str, body: str, *, script: str, style: str) -> str:
    """A page of its own that runs this script and no other, and fetches nothing, whatever is in its body.

    For pages that show what strangers wrote: should any of it get past the escaping, the browser still refuses it. The
    script and the sheet are named by their hashes. The body may not hold any of its own; style attributes it may, since
    Steppers have some.
    """
    rules = (
        "default-src 'none'",
        f"script-src {_hash(script)}",
        f"style-src-elem {_hash(style)}",
        "style-src-attr 'unsafe-inline'",
        "style-src 'unsafe-inline'",  # for browsers that do not know the two above
        "base-uri 'none'",
        "form-action 'none'",
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'
        '<meta name="referrer" content="no-referrer"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{style}</style></head><body><main>{body}</main>"
        f"<script>{script}</script></body></html>"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
