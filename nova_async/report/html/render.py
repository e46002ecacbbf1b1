"""One HTML file that loads nothing: the document as a JSON island, our scripts and styles, and the libraries.

``string.Template`` is all it takes, so the report needs no dependency of its own.
"""

import json
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

VENDOR_SCRIPTS = ("vis-timeline-graph2d.min.js", "cytoscape.min.js", "cytoscape-dagre.min.js")
VENDOR_STYLES = ("vis-timeline-graph2d.min.css",)
LICENCES = ("vis-timeline.LICENSE", "cytoscape.LICENSE", "cytoscape-dagre.LICENSE", "dagre.LICENSE")
SCRIPTS = (
    "dom.js",
    "unpack.js",
    "stepper.js",
    "findings.js",
    "lock_graph.js",
    "timeline.js",
    "now.js",
    "memory.js",
    "page_tables.js",
    "statistics.js",
    "main.js",
)
"""Ours, in the order in which they build on each other."""


def page(document: Mapping[str, object]) -> str:
    """The whole page, the same bytes for the same document."""
    return Template(_asset("page.html")).substitute(
        title=escape(f"nova-async: {document['title']}"),
        styles="\n".join([*map(_vendor, VENDOR_STYLES), _asset("style.css")]),
        scripts="\n".join(
            f"<script>{text}</script>" for text in [*map(_vendor, VENDOR_SCRIPTS), *map(_asset, SCRIPTS)]
        ),
        licences=escape("\n\n".join(f"{name.removesuffix('.LICENSE')}\n\n{_vendor(name)}" for name in LICENCES)),
        document=island(document),
    )


def island(document: Mapping[str, object]) -> str:
    """The document as JSON in which nothing can end the element around it, or begin another.

    ``<``, ``>`` and ``&`` appear in JSON inside strings only, where an escape means the same.
    """
    text = json.dumps(document, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


@cache
def _vendor(name: str) -> str:
    return files(__package__).joinpath("vendor", name).read_text(encoding="utf-8")
