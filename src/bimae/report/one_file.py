"""HTML pages of one file: style and script inside, nothing loaded, and no other script can run."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bimae import __version__

NAMES = ("page.html.j2", "page.css", "page.js")


def render(
    package: str,
    context: Mapping[str, Any],
    mark: str,
    filters: Mapping[str, Callable[..., Any]],
) -> str:
    """A page from the template, style sheet and script of a package.

    All that is filled in is escaped. Beside the context the template gets `mark`, `style`,
    `script`, `script_hash` for its policy, and `version`.

    Args:
        package: Where `page.html.j2`, `page.css` and `page.js` are.
        context: What the template is filled with.
        mark: A comment by which an earlier page is known.
        filters: What the template can call.
    """
    folder = files(package)
    template, style, script = ((folder / name).read_text(encoding="utf-8") for name in NAMES)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= filters
    # The policy lets this one script run and nothing else, whatever a label may smuggle in.
    digest = hashlib.sha256(script.encode()).digest()
    # Markup: our own files, which are code and not text.
    html = environment.from_string(template).render(
        context,
        mark=Markup(mark),
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(digest).decode(),
        version=__version__,
    )
    # Names of files may hold bytes that are no UTF-8 (lone surrogates); a page cannot.
    return html.encode(errors="replace").decode()
