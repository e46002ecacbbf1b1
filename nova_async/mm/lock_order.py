"""Every lock of the driver, in acquisition order: the one table.

The validator reads the table (an acquisition against the order is a finding at once, and a lock of the fence path is
primed as such before any fence path ran), the documentation prints it, and a test compares it with what scenarios do.

Order 1, the VM lock, belongs to whoever binds mappings to a VM and is held across planning, never in the fence path.
Locks of order 4 and up are taken while a fence is public: nothing under them may reclaim, and nothing may be freed to a
buddy there, whose lock (order 3) is held across reclaimable allocations of its block nodes.
"""

from nova_async.kernel.core import LockRow

VM = LockRow(
    name="vm",
    order=1,
    guards="which mappings a VM has",
    taken_by="VM_BIND ioctls",
    fence_path=False,
    reclaim_under=True,
)
DEFERRED = LockRow(
    name="deferred",
    order=2,
    guards="the frees that are on their way: whoever finds a buddy empty waits for them",
    taken_by="whoever drains, outside the fence path",
    fence_path=False,
    reclaim_under=False,
)
BUDDY = LockRow(
    name="buddy",
    order=3,
    guards="free trees and block nodes of one allocator, of VRAM or of a VA space",
    taken_by="prepare, cleanup, deferred frees",
    fence_path=False,
    reclaim_under=True,
)
PAGE_TABLES = LockRow(
    name="page_tables",
    order=4,
    guards="the table pages of one Vmm, prepared and installed, and who needs them",
    taken_by="prepare, execute, unmap, abort",
    fence_path=True,
    reclaim_under=False,
)
PRAMIN = LockRow(
    name="pramin",
    order=5,
    guards="the window register and the 1 MiB aperture",
    taken_by="everybody who reads or writes VRAM from the CPU",
    fence_path=True,
    reclaim_under=False,
)
TLB = LockRow(
    name="tlb",
    order=6,
    guards="the three invalidate registers, from the first write to the trigger's end",
    taken_by="execute, unmap",
    fence_path=True,
    reclaim_under=False,
)
FRAMES = LockRow(
    name="frames",
    order=7,
    guards="which client owns which VRAM frame",
    taken_by="allocation, free, and the ownership check of execute",
    fence_path=True,
    reclaim_under=False,
    spins=True,
)

LOCK_ORDER = (VM, DEFERRED, BUDDY, PAGE_TABLES, PRAMIN, TLB, FRAMES)
