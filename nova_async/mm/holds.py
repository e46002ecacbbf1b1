"""How long one user may keep the window to himself.

The window is one for everybody, and fences wait for it. So whoever has much to write lets go of it in between, and the
lock, which is fair, hands it to those who came meanwhile. What is bounded is the number of words, because that is what
the time goes into: a posted write each.
"""

from collections.abc import Iterator, Sequence

from nova_async.mm.page_tables import Leaf, PtPage

WORDS_PER_HOLD = 4096
"""64-bit words for each hold of the window, unless a GpuMm is told otherwise.

0.4 ms at 0.1 us for a posted write, 0.2 to 1.2 ms over what is assumed of it (hardware.md 8). Mapping 1 GiB holds the
window for 4,099 transactions at worst instead of 262,665, 0.41 ms instead of 26.3, in 65 holds instead of one, and for
not one transaction more unless somebody moves the window meanwhile. With fewer words a waiter gains little that also
waits for TLB flushes of up to 50 us, and everybody takes more locks.
"""

READ_COST = 8
"""Words that may be written in the time of reading one: a read waits for its answer."""

Part = PtPage | Leaf


def holds(parts: Sequence[Part], words: int) -> Iterator[list[Part]]:
    """Divide work on page tables into holds of the window, in order.

    Args:
        parts: table pages, for their slots, a word each; leaves, a word for each frame. A leaf may be divided.
        words: for each hold, 1 or more.
    """
    hold: list[Part] = []
    room = words
    for part in parts:
        for piece in _pieces(part, room, words):
            if not room:
                yield hold
                hold, room = [], words
            hold.append(piece)
            room -= _size(piece)
    if hold:
        yield hold


def _size(part: Part) -> int:
    return len(part.frames) if isinstance(part, Leaf) else 1


def _pieces(part: Part, room: int, words: int) -> Iterator[Part]:
    """A part, cut where the room ends and after every ``words`` from there."""
    if not isinstance(part, Leaf):
        yield part
        return
    start, stop = part.frames.start, part.frames.stop
    end = start + (room or words)
    while start < stop:
        yield Leaf(part.table, range(start, min(end, stop)))
        start, end = end, end + words
