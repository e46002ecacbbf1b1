"""Whose each frame of video memory is, and NOVA311: a write to one that is nobody's."""

from nova_async.address import PAGE_SHIFT
from nova_async.checks.runs import Runs
from nova_async.checks.telling import Teller
from nova_async.mm import Gpu

FIRMWARE = "firmware"

_FREE, _OWNED, _SCRUBBED = range(3)
_FREE_BYTE = bytes([_FREE])


class FrameRules:
    """Watches who gets and gives back frames, and who writes to them.

    Args:
        gpu: the device, with nothing allocated yet.
        teller: words what is found.

    Attributes:
        owners: by frame; firmware's regions count as owned.
        end: behind the last frame.
    """

    def __init__(self, gpu: Gpu, teller: Teller) -> None:
        self._teller = teller
        self.end = gpu.board.vram.size >> PAGE_SHIFT
        self.owners: Runs[str] = Runs()
        # The runs say whose; whether a frame is anybody's is asked at every write, and told by a byte for each.
        self._states = bytearray(self.end)
        usable = range(gpu.mm.usable.start >> PAGE_SHIFT, gpu.mm.usable.stop >> PAGE_SHIFT)
        self.allocated(range(usable.start), FIRMWARE)
        self.allocated(range(usable.stop, self.end), FIRMWARE)

    def allocated(self, run: range, owner: str) -> None:
        """From now on these are ``owner``'s."""
        self.owners.put(run, owner)
        self._states[run.start : run.stop] = bytes([_OWNED]) * len(run)

    def freed(self, run: range, *, scrubbing: bool) -> bool:
        """From now on they are nobody's; False if they were nobody's before.

        Args:
            run: frames.
            scrubbing: they are not free yet, but to be overwritten.
        """
        self._states[run.start : run.stop] = bytes([_SCRUBBED if scrubbing else _FREE]) * len(run)
        return self.owners.cut(run)

    def is_owned(self, frame: int) -> bool:
        """Whether it is somebody's."""
        return frame < self.end and self._states[frame] == _OWNED

    def written(self, address: int, length: int) -> None:
        """Memory was written."""
        first, last = address >> PAGE_SHIFT, address + length - 1 >> PAGE_SHIFT
        if self._states[first] and (first == last or self._states.find(_FREE_BYTE, first, last + 1) < 0):
            return
        free = self._states.find(_FREE_BYTE, first, last + 1)
        self._teller.tell("NOVA311", f"writes to frame {free:#x}, which is free", "write")

    def is_firmware(self, address: int) -> bool:
        """Whether firmware keeps this memory."""
        frame = address >> PAGE_SHIFT
        return any(piece.value == FIRMWARE for piece in self.owners.within(range(frame, frame + 1)))

    def describe(self, frame: int) -> str:
        """A frame that is no page."""
        if frame >= self.end:
            return f"frame {frame:#x}, beyond video memory"
        return f"frame {frame:#x}, which is free"
