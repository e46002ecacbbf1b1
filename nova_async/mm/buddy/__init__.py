"""The GPU buddy allocator, placed block for block as Linux ``drivers/gpu/buddy.c`` places it.

Pure and synchronous: no lock, no fault, no waiting. Who shares one between tasks puts a mutex around it, as the
Rust abstraction of the kernel does (hardware.md 5).

Reading order::

    flags         what a caller may ask for
    block         one node of the binary tree
    free_trees    the free nodes, by clear state, order and offset
    space         the tree, and the few moves that change it
    placement     a block from the free trees: the highest, or the highest aligned one
    ranges        a block inside a range, and a range as such
    contiguous    the try-harder pass for contiguous requests
    request       an argument list, checked and rounded
    allocator     Buddy: the calls a driver makes
"""

from nova_async.mm.buddy.allocator import Buddy
from nova_async.mm.buddy.block import Block, State
from nova_async.mm.buddy.flags import BuddyFlags

__all__ = ["Buddy", "BuddyFlags", "Block", "State"]
