"""An allocation request, checked and rounded."""

from dataclasses import dataclass

from nova_async.errors import EINVAL
from nova_async.mm.buddy.flags import BuddyFlags
from nova_async.mm.buddy.space import Space

# Plain integers: IntFlag arithmetic costs more than the allocation.
_RANGE, _TOPDOWN, _CONTIGUOUS = int(BuddyFlags.RANGE), int(BuddyFlags.TOPDOWN), int(BuddyFlags.CONTIGUOUS)
_CLEAR, _TRIM_DISABLE = int(BuddyFlags.CLEAR), int(BuddyFlags.TRIM_DISABLE)


@dataclass(slots=True)
class Request:
    """What to allocate.

    Attributes:
        start: first byte of the allowed range.
        end: first byte after it.
        asked: bytes the caller asked for.
        asked_min: the minimum block size the caller asked for.
        size: bytes to allocate before trimming.
        min_block_size: the smallest block to allocate, and the alignment of all.
        bits: the flags.
    """

    start: int
    end: int
    asked: int
    asked_min: int
    size: int
    min_block_size: int
    bits: int

    @property
    def exact(self) -> bool:
        """Whether the range has room for this and nothing else, so that no flag matters."""
        return self.start + self.asked == self.end

    @property
    def ranged(self) -> bool:
        """Whether the range bounds placement."""
        return bool(self.bits & _RANGE)

    @property
    def topdown(self) -> bool:
        """Whether the highest block of all orders is wanted."""
        return bool(self.bits & _TOPDOWN)

    @property
    def clear(self) -> bool:
        """Whether zeroed memory is preferred."""
        return bool(self.bits & _CLEAR)

    @property
    def excess(self) -> int:
        """Bytes that rounding added and that are to be given back."""
        return 0 if self.bits & _TRIM_DISABLE else self.size - self.asked

    @property
    def aligned_beyond_size(self) -> bool:
        """Whether one block is wanted, at an alignment greater than its own size."""
        return self.size < self.min_block_size

    @property
    def may_try_harder(self) -> bool:
        """Whether a run of several blocks would do, anywhere."""
        return self.bits & (_CONTIGUOUS | _RANGE) == _CONTIGUOUS

    def __str__(self) -> str:
        bounds = f" within {self.start:#x}..{self.end:#x}" if self.ranged or self.exact else ""
        kind = "contiguous " if self.bits & _CONTIGUOUS else ""
        return f"{self.asked:#x} {kind}bytes in blocks of {self.asked_min:#x} or more{bounds}"


def make_request(
    space: Space, start: int, end: int, size: int, min_block_size: int, flags: BuddyFlags | int
) -> Request:
    """Check the arguments of an allocation and round its size.

    Raises:
        EINVAL: an argument that no space of this size and chunk can serve.
    """
    _check(space, start, end, size, min_block_size)
    bits = int(flags)
    rounded, smallest = _round(size, min_block_size, contiguous=bool(bits & _CONTIGUOUS))
    return Request(start, end, size, min_block_size, rounded, smallest, bits)


def is_power_of_two(value: int) -> bool:
    """Whether exactly one bit is set."""
    return value > 0 and not value & (value - 1)


def _check(space: Space, start: int, end: int, size: int, min_block_size: int) -> None:
    chunk = space.chunk_size
    if size < chunk:
        raise EINVAL(f"buddy: size {size:#x}", expected=f"at least the chunk size, {chunk:#x}")
    if min_block_size < chunk or not is_power_of_two(min_block_size):
        raise EINVAL(f"buddy: min_block_size {min_block_size:#x}", expected=f"a power of two from {chunk:#x} up")
    if (start | end | size) & (chunk - 1):
        raise EINVAL(
            f"buddy: size {size:#x} in the range {start:#x}..{end:#x}",
            expected=f"multiples of the chunk size, {chunk:#x}",
        )
    if not 0 <= end <= space.size:
        raise EINVAL(f"buddy: end {end:#x}", expected=f"at most the size of the space, {space.size:#x}")
    if not 0 <= start <= space.size - size:
        raise EINVAL(
            f"buddy: size {size:#x} at start {start:#x}",
            expected=f"an end within the size of the space, {space.size:#x}",
        )
    if start + size == end and (start | end) & (min_block_size - 1):
        raise EINVAL(
            f"buddy: the exact range {start:#x}..{end:#x}", expected=f"both ends multiples of {min_block_size:#x}"
        )


def _round(size: int, min_block_size: int, *, contiguous: bool) -> tuple[int, int]:
    """The size to allocate and the smallest block to use."""
    if contiguous:
        rounded = 1 << (size - 1).bit_length()
        return rounded, rounded
    if size < min_block_size and is_power_of_two(size):
        return size, min_block_size
    return size + -size % min_block_size, min_block_size
