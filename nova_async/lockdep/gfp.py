"""Allocation masks, task scopes, and what an allocation may therefore do (lockdep.md 2.2, 2.3)."""

from enum import IntFlag
from functools import cache


class Gfp(IntFlag):
    """What an allocation may do to get memory; the kernel's names without the prefix."""

    DIRECT_RECLAIM = 1
    KSWAPD_RECLAIM = 2
    IO = 4
    FS = 8
    HIGH = 16
    NORETRY = 32
    NOFAIL = 64
    NOLOCKDEP = 128

    NOWAIT = KSWAPD_RECLAIM
    ATOMIC = HIGH | KSWAPD_RECLAIM
    NOIO = DIRECT_RECLAIM | KSWAPD_RECLAIM
    NOFS = NOIO | IO
    KERNEL = NOFS | FS


MASKS = {
    "KERNEL": Gfp.KERNEL,
    "NOFS": Gfp.NOFS,
    "NOIO": Gfp.NOIO,
    "NOWAIT": Gfp.NOWAIT,
    "ATOMIC": Gfp.ATOMIC,
}
"""The masks people write, by name."""


class Scope(IntFlag):
    """What a task has given up for all of its allocations (``memalloc_*_save``)."""

    NOFS = 1
    NOIO = 2
    NORECLAIM = 4
    """PF_MEMALLOC: no reclaim at all, access to the reserves."""


# What an allocation does; one bit each, and a later one does what the earlier ones do. Plain integers, because an
# enum's operators would cost more than all the rest of a judged allocation.
NOTHING = 0
SLEEPS = 1
"""May sleep, but was told to keep out of the books (NOLOCKDEP)."""
NOTIFIES = 2
"""Reclaims without FS: still reaches the MMU notifiers."""
RECLAIMS = 4
"""Reclaims with everything: holds fs_reclaim, and reaches the MMU notifiers."""


@cache
def effect(gfp: int, scopes: int) -> int:
    """What an allocation with mask ``gfp`` does in a task with these scopes."""
    if not gfp & Gfp.DIRECT_RECLAIM or scopes & Scope.NORECLAIM:
        return NOTHING
    if gfp & Gfp.NOLOCKDEP:
        return SLEEPS
    if gfp & Gfp.FS and not scopes & (Scope.NOFS | Scope.NOIO):
        return RECLAIMS
    return NOTIFIES


@cache
def mask_name(gfp: int) -> str:
    """``GFP_KERNEL`` for a mask people know, else its flags."""
    for name, mask in MASKS.items():
        if gfp == mask:
            return f"GFP_{name}"
    flags = [flag.name for flag in Gfp if gfp & flag and flag.name]
    return "|".join(flags) or "0"
