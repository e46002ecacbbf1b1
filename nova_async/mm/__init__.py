"""The driver's memory manager, with the driver's names.

``Gpu.probe`` sets it up; ``GpuMm`` is what everybody shares; a ``Vmm`` is an address space; ``BarUser`` is BAR1.
"""

from nova_async.mm.bar_user import BarAccess as BarAccess
from nova_async.mm.bar_user import BarUser as BarUser
from nova_async.mm.gpu import Gpu as Gpu
from nova_async.mm.gpu_mm import GpuMm as GpuMm
from nova_async.mm.mapping import MappedRange as MappedRange
from nova_async.mm.mapping import PreparedMapping as PreparedMapping
from nova_async.mm.vmm import Vmm as Vmm
