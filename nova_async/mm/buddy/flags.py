"""What a caller may ask of an allocation, with the kernel's bit positions (gpu_buddy.h)."""

from enum import IntFlag


class BuddyFlags(IntFlag):
    """The ``GPU_BUDDY_*`` flags."""

    RANGE = 1 << 0
    """Stay inside ``[start, end)``. Without it the range bounds no placement."""
    TOPDOWN = 1 << 1
    """Take the highest free block of any order, not of the smallest order that fits."""
    CONTIGUOUS = 1 << 2
    """One run of memory. Drops the asked minimum block size: the rounded size takes its place."""
    CLEAR = 1 << 3
    """Prefer memory known to be zeroed; dirty memory will do."""
    CLEARED = 1 << 4
    """A flag of free, not of alloc: the memory has been zeroed."""
    TRIM_DISABLE = 1 << 5
    """Keep what rounding added to the size."""
