"""What is asked of the MMU, and what it answers."""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from nova_async.errors import NovaError
from nova_async.hw.mmu.decode import PteFlags
from nova_async.hw.mmu.formats import Aperture


class Access(Enum):
    """What a client does at an address.

    Attributes:
        writes: it changes memory.
        atomic: it is an atomic operation.
        privileged: it may use privileged pages.
    """

    READ = (False, False, False)
    WRITE = (True, False, False)
    ATOMIC = (True, True, False)
    PRIVILEGED_READ = (False, False, True)
    PRIVILEGED_WRITE = (True, False, True)

    def __init__(self, *rights: bool) -> None:
        self.writes, self.atomic, self.privileged = rights


class FaultKind(IntEnum):
    """Why the MMU refuses (hardware.md 2.6)."""

    PDE = 0
    PDE_SIZE = 1
    PTE = 2
    VA_LIMIT = 3
    UNBOUND_INSTANCE_BLOCK = 4
    PRIVILEGE = 5
    READ_ONLY = 6
    WRITE_ONLY = 7
    PITCH_MASK = 8
    WORK_CREATION = 9
    UNSUPPORTED_APERTURE = 0xA
    CC = 0xB
    UNSUPPORTED_KIND = 0xC
    REGION = 0xD
    POISONED = 0xE
    ATOMIC = 0xF


class MmuFault(NovaError):
    """A translation was refused.

    Args:
        kind: why.
        level: of the table whose entry decided, the root being 0.
        va: the virtual address.
    """

    def __init__(self, kind: FaultKind, level: int, va: int) -> None:
        super().__init__(f"MMU fault {kind.name} at {va:#x}, level {level}")
        self.kind = kind
        self.level = level
        self.va = va


@dataclass(frozen=True, slots=True)
class Fault:
    """One record of the fault buffer.

    Attributes:
        pdb: the root page directory, None where none was bound.
        va: the virtual address.
        access: what was asked.
        kind: why it was refused.
        level: of the table whose entry decided, the root being 0.
    """

    pdb: int | None
    va: int
    access: Access
    kind: FaultKind
    level: int


class Translation(NamedTuple):
    """One page: what a leaf in memory says, and equally what the TLB remembers of it.

    Attributes:
        va: the first virtual address of the page.
        size: of the page, in bytes: 4 KiB to 256 GiB.
        address: the first physical address.
        flags: permissions, aperture and the rest.
        entry_address: where the entry lies in video memory.
        level: of the table that holds the entry, the root being 0.
    """

    va: int
    size: int
    address: int
    flags: PteFlags
    entry_address: int
    level: int

    @property
    def aperture(self) -> Aperture:
        """Which memory the page lies in."""
        return self.flags.aperture

    @property
    def sparse(self) -> bool:
        """There is no memory: reads return zero and writes vanish."""
        return self.flags.sparse

    @property
    def read_only(self) -> bool:
        """Writes fault."""
        return self.flags.read_only

    @property
    def privileged(self) -> bool:
        """Unprivileged accesses fault."""
        return self.flags.privileged

    def physical(self, va: int) -> int:
        """The physical address behind ``va``, which lies in the page."""
        return self.address + va - self.va


Leaf = Translation
"""A valid leaf found in memory. Comparing it with what the TLB has shows whether that is stale."""
