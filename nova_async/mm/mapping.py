"""A mapping on its way: prepared, then mapped. Each belongs to one Vmm and says where it stands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from nova_async.errors import EINVAL
from nova_async.mm.gpu_buddy import AllocatedBlocks
from nova_async.mm.page_tables import Leaf, Path, PtPage
from nova_async.point import observe_guarded, touch

if TYPE_CHECKING:
    from nova_async.mm.vmm import Vmm


class Stage(Enum):
    """Where a mapping stands."""

    PENDING = "pending"
    """Prepared; it can be executed or aborted."""
    BUSY = "in use by another call"
    DIRTY = "half executed, and not undone because the device did not answer"
    """Only an abort, which undoes it, is possible."""
    MAPPED = "mapped"
    """Executed; it can be unmapped, again if that fails."""
    GONE = "given back"


@dataclass(slots=True)
class Journal:
    """What one execute has changed so far, recorded before each change."""

    installed: list[PtPage] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping:
    """What a prepared and a mapped range have in common.

    Attributes:
        vmm: whose it is.
        vfn_start: the first virtual frame.
        num_pages: how many frames.
        va: the address range, allocated.
        path: the tables it needs.
    """

    vmm: "Vmm"
    vfn_start: int
    num_pages: int
    va: AllocatedBlocks
    path: Path
    stage: Stage

    @property
    def frames(self) -> range:
        """The virtual frames."""
        return range(self.vfn_start, self.vfn_start + self.num_pages)

    @property
    def tables(self) -> Sequence[PtPage]:
        """The pages of its Vmm that it needs."""
        return self.path.pages

    @property
    def half_done(self) -> bool:
        """An execute could not be undone, because the device did not answer."""
        return self.stage is Stage.DIRTY

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.vmm.name} {self.vfn_start:#x}+{self.num_pages}: {self.stage.value}>"

    def take(self, vmm: "Vmm", call: str, *stages: Stage) -> None:
        """Begin a call on this mapping; no other call may use it until the stage is set again.

        Raises:
            EINVAL: it belongs to another Vmm, or is not at a stage that the call accepts.
        """
        if self.vmm is not vmm:
            raise EINVAL(f"{vmm.name}: {call} of a range of {self.vmm.name}", expected=f"a range of {vmm.name}")
        touch(self.vmm.name)
        observe_guarded(self.stage.value)
        if self.stage not in stages:
            wanted = " or ".join(stage.value for stage in stages)
            raise EINVAL(f"{call} of {self!r}", expected=f"a range that is {wanted}")
        self.stage = Stage.BUSY


@dataclass(slots=True, eq=False, repr=False)
class PreparedMapping(Mapping):
    """Address range and table pages are there; executing it allocates nothing."""

    journal: Journal = field(default_factory=Journal)


@dataclass(slots=True, eq=False, repr=False)
class MappedRange(Mapping):
    """A live range. Unmap it; nothing else gives its address range back."""
