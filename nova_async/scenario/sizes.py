"""Sizes as people write them."""

import re

from nova_async.errors import UsageError

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_SIZE = re.compile(r"\s*(?P<count>[0-9]+)\s*(?P<unit>[A-Za-z]*)\s*")
_BY_LOWER_NAME = {name.lower(): unit for name, unit in UNITS.items()}


def parse_size(size: str | int) -> int:
    """The number of bytes of ``"64MiB"``; a plain number is a number of bytes.

    Units are powers of 1024, as VRAM is made; their case does not matter.

    Raises:
        UsageError: it is no size, is negative, or has a unit that is not one of B, KiB, MiB, GiB, TiB.
    """
    match = _SIZE.fullmatch(str(size))
    unit = _BY_LOWER_NAME.get((match["unit"] or "B").lower()) if match else None
    if match is None or unit is None:
        raise UsageError(f"{size!r} is no size; write a whole number and one of {', '.join(UNITS)}, such as '64MiB'")
    return int(match["count"]) * unit
