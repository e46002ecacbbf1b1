"""What the pages of one device are called where states are told apart, and what it means to access them.

Pages are named by birth, who allocated them and which of his allocations it was: two orders that differ only in the
addresses received are one state then (design section 5). With :attr:`~nova_async.runtime.Naming.EXACT` every address
counts.
"""

from collections.abc import Iterator

from nova_async.address import PAGE_SHIFT, PAGE_SIZE
from nova_async.explore.state import hash_value
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.operation import Access
from nova_async.point import touch

NATURAL = (1 << 60) - 1
"""What is hashed again must be a natural number below 2**60: others are hashed as text."""
FEW_WORDS = 4
"""So many words are accessed one by one, and who accesses others of their page is not in the way. More are their whole
pages: a name for each would cost more than it saves."""


class Pages:
    """The names of one device's frames.

    Args:
        device: tells devices apart.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._meanings: dict[int, int] = {}
        self._labels: dict[int, str] = {}

    def label(self, frame: int) -> str:
        """What it is called, for reports of what is touched and shared."""
        label = self._labels.get(frame)
        return label if label is not None else f"{self._device} frame {frame:#x}"

    def meaning(self, frame: int) -> int | None:
        """What an entry that points to it means; None if that is its number."""
        return self._meanings.get(frame)

    def name(self, allocated: AllocatedBlocks) -> None:
        """Name the frames of an allocation by its birth."""
        label = " ".join(map(str, allocated.name))
        for index, frame in enumerate(frames_of(allocated)):
            self._meanings[frame] = hash_value((*allocated.name, index)) & NATURAL
            self._labels[frame] = f"{self._device} {label}.{index}"

    def bury(self, frame: int, freer: str) -> None:
        """It is about to be free: who frees it does nothing to who gave it back and never touches it again."""
        self._labels[frame] = f"{self.label(frame)} freed by {freer}"

    def forget(self, frame: int) -> None:
        """It is a frame like any other."""
        self._meanings.pop(frame, None)
        self._labels.pop(frame, None)

    def touch_words(self, address: int, stop: int, access: Access) -> Access:
        """Tell of an access to the 64-bit words that bytes lie in.

        Args:
            address: of the first byte.
            stop: behind the last.
            access: what is done to each word.

        Returns:
            What is done to each page as a whole: a few words of it commute with others, not with all.
        """
        words = range(address >> 3, (stop - 1 >> 3) + 1)
        few = len(words) <= FEW_WORDS
        to_page = Access.ADD if few else access
        for frame in range(address >> PAGE_SHIFT, (stop - 1 >> PAGE_SHIFT) + 1):
            touch(self.label(frame), to_page)
        if few:
            for word in words:
                frame, slot = divmod(word, PAGE_SIZE >> 3)
                touch(f"{self.label(frame)} [{slot}]", access)
        return to_page


def frames_of(allocated: AllocatedBlocks) -> Iterator[int]:
    """All of them, in the order in which the allocator gave them."""
    for run in allocated.frames():
        yield from run
