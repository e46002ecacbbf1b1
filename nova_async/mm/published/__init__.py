"""The driver's two-phase mapping as published, bug for bug; what hazards.md A and B speak of.

``Vmm`` and its ranges have no drop of their own in Python: a scenario that loses one says so with ``await x.drop()``.
"""

from nova_async.mm.published.mapping import MappedRange as MappedRange
from nova_async.mm.published.mapping import PreparedMapping as PreparedMapping
from nova_async.mm.published.vmm import Vmm as Vmm
