"""January's revision of the memory manager (seed documents 1 and 3, series v6), faults included.

Nothing here takes a lock: v6 leaned on ``&mut GpuMm``. So every access to a register, and every access through the
window, is a point where another task may run. The window's base is cached in each :class:`Window`; the only thing that
compares it with the register is its constructor (hazards.md b).
"""

from nova_async.mm.v6.devres import Devres as Devres
from nova_async.mm.v6.gpu_mm import GpuMm as GpuMm
from nova_async.mm.v6.tlb import Tlb as Tlb
from nova_async.mm.v6.vmm import Vmm as Vmm
from nova_async.mm.v6.window import Window as Window
