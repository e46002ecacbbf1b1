"""Who shares the GPU: anyio coroutines with a name, each doing what its kind does in the driver."""

from nova_async.clients.bar1_user import Bar1User as Bar1User
from nova_async.clients.bind_jobs import BindJob as BindJob
from nova_async.clients.bind_jobs import UnbindJob as UnbindJob
from nova_async.clients.crew import Client as Client
from nova_async.clients.crew import Crew as Crew
from nova_async.clients.crew import crew as crew
from nova_async.clients.drm_submitter import DrmSubmitter as DrmSubmitter
from nova_async.clients.engine import Engine as Engine
from nova_async.clients.engine import EngineJob as EngineJob
from nova_async.clients.engine import Touch as Touch
from nova_async.clients.evictor import Evictor as Evictor
from nova_async.clients.exec_submitter import ExecSubmitter as ExecSubmitter
from nova_async.clients.gem import GemObject as GemObject
from nova_async.clients.idle_buffers import IdleBuffers as IdleBuffers
from nova_async.clients.killer import Killer as Killer
from nova_async.clients.page_mapper import PageMapper as PageMapper
from nova_async.clients.reclaimer import Reclaimer as Reclaimer
from nova_async.clients.seat import Seat as Seat
from nova_async.clients.tally import Tally as Tally
from nova_async.clients.userptr import ProcessMemory as ProcessMemory
from nova_async.clients.userptr import Userptr as Userptr
from nova_async.clients.vgpu_creator import VgpuCreator as VgpuCreator
from nova_async.clients.vgpu_manager import VgpuManager as VgpuManager
from nova_async.clients.vgpu_manager import VgpuType as VgpuType
from nova_async.clients.vm import BindContext as BindContext
from nova_async.clients.vm import Vm as Vm
