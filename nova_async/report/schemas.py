"""The JSON schemas of our documents, published in ``nova_async/schemas/``."""

import json
from importlib.resources import files
from typing import Any

from nova_async.errors import UsageError

_FOLDER = files("nova_async").joinpath("schemas")


def names() -> tuple[str, ...]:
    """Every schema there is: ``nova.run/1`` and so on."""
    return tuple(sorted(file.name.removesuffix("-1.json") + "/1" for file in _FOLDER.iterdir()))


def schema(name: str) -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of the documents whose ``schema`` is ``name``.

    Raises:
        UsageError: there is none.
    """
    if name not in names():
        raise UsageError.unknown("schema", name, names())
    document: dict[str, Any] = json.loads(_FOLDER.joinpath(name.replace("/", "-") + ".json").read_text("utf-8"))
    return document
