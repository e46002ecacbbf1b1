"""Who shares the GPU: anyio coroutines with a name, each doing what its kind does in the driver."""

from nova_async.clients.crew import Client as Client
from nova_async.clients.crew import Crew as Crew
from nova_async.clients.crew import crew as crew
from nova_async.clients.drm_submitter import DrmSubmitter as DrmSubmitter
from nova_async.clients.idle_buffers import IdleBuffers as IdleBuffers
from nova_async.clients.reclaimer import Reclaimer as Reclaimer
from nova_async.clients.vgpu_creator import VgpuCreator as VgpuCreator
from nova_async.clients.vm import BindJob as BindJob
from nova_async.clients.vm import UnbindJob as UnbindJob
from nova_async.clients.vm import Vm as Vm
