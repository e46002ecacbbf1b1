"""The invariants of hazards.md, section C, and which check holds each of them.

A test breaks the driver on purpose for every row, and sees the codes of that row and no others.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Invariant:
    """One row.

    Attributes:
        name: as in hazards.md.
        says: what always holds.
        codes: what is found where it does not.
        checked: when it is looked at.
    """

    name: str
    says: str
    codes: tuple[str, ...]
    checked: str


INVARIANTS = (
    Invariant(
        "I1",
        "no live directory or leaf entry points to a free page",
        ("NOVA301", "NOVA311"),
        "at every write to a table, at every free, at every write to memory; from scratch at rest",
    ),
    Invariant(
        "I2",
        "every valid leaf belongs to exactly one live range, and every live range has its leaves",
        ("NOVA302", "NOVA312", "NOVA313"),
        "at every write to a table, and at the end of every execute",
    ),
    Invariant(
        "I3",
        "a free address has no valid leaf and no entry in the TLB",
        ("NOVA302", "NOVA303", "NOVA310"),
        "when addresses or frames are freed, at every translation, at every write to a table; from scratch at rest",
    ),
    Invariant(
        "I4",
        "the window register holds the base that the accessor assumes",
        ("NOVA304", "NOVA306"),
        "at every access through the window",
    ),
    Invariant(
        "I5",
        "every pending prepare has its own share of the table pages that it needs",
        ("NOVA307",),
        "at every prepare, execute, abort and unmap, and whenever a page is freed",
    ),
    Invariant(
        "I6",
        "no reclaimable allocation under a lock that the run stage takes, directly or through others",
        ("NOVA201", "NOVA202", "NOVA203"),
        "at every allocation and at every acquisition",
    ),
    Invariant(
        "I7",
        "the invalidate registers do not change between write and trigger, and the trigger is idle before",
        ("NOVA308", "NOVA306"),
        "at every write to the registers",
    ),
    Invariant(
        "I8",
        "free pages, data, installed and prepared tables are all of VRAM",
        ("NOVA305",),
        "at the end; on the way, what each operation takes and gives back is judged with I9",
    ),
    Invariant(
        "I9",
        "a failed map and an aborted prepare leave I2, I3 and I8 as they were",
        ("NOVA309",),
        "at the end of every prepare, execute, abort and unmap",
    ),
)
