"""Page tables as the driver writes and reads them: entry formats by MMU version, and the walk."""

from nova_async.hw.chipset import MmuVersion
from nova_async.mm.pagetable.format import EntryFormat as EntryFormat
from nova_async.mm.pagetable.format import Level as Level
from nova_async.mm.pagetable.ver2 import VER2
from nova_async.mm.pagetable.ver3 import VER3

FORMATS = {MmuVersion.V2: VER2, MmuVersion.V3: VER3}
"""What the driver writes for each MMU version."""
