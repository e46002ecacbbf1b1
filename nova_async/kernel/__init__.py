"""What the driver leans on: locks that own their data, host memory with reclaim, DMA fences, the job queue.

All of it is anyio code that reports to the lock validator, and all of it survives a cancellation at every await.
"""

from nova_async.kernel.ban import Ban as Ban
from nova_async.kernel.core import Kernel as Kernel
from nova_async.kernel.dma_fence import DmaFence as DmaFence
from nova_async.kernel.dma_resv import DmaResv as DmaResv
from nova_async.kernel.dma_resv import ResvGuard as ResvGuard
from nova_async.kernel.dma_resv import Usage as Usage
from nova_async.kernel.drm_exec import DrmExec as DrmExec
from nova_async.kernel.drm_sched import DrmScheduler as DrmScheduler
from nova_async.kernel.drm_sched import Job as Job
from nova_async.kernel.faults import FaultPlan as FaultPlan
from nova_async.kernel.memory import HostMemory as HostMemory
from nova_async.kernel.mmu_notifier import MmuIntervalNotifier as MmuIntervalNotifier
from nova_async.kernel.mutex import Mutex as Mutex
from nova_async.kernel.mutex import MutexGuard as MutexGuard
from nova_async.kernel.reclaim import Reclaim as Reclaim
from nova_async.kernel.reclaim import Shrinker as Shrinker
from nova_async.kernel.ring_sched import Ring as Ring
from nova_async.kernel.ring_sched import RingContext as RingContext
from nova_async.kernel.ring_sched import RingJob as RingJob
from nova_async.kernel.ring_sched import RingScheduler as RingScheduler
from nova_async.kernel.spinlock import SpinLock as SpinLock
from nova_async.kernel.spinlock import SpinLockGuard as SpinLockGuard
from nova_async.kernel.ww_mutex import WwClass as WwClass
from nova_async.kernel.ww_mutex import WwContext as WwContext
from nova_async.kernel.ww_mutex import WwGuard as WwGuard
from nova_async.kernel.ww_mutex import WwMutex as WwMutex
