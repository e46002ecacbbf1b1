"""Runs the self-tests, each on a device of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nova_async.errors import EIO, Errno
from nova_async.hw.board import Board
from nova_async.hw.chipset import Chipset
from nova_async.kernel import Kernel
from nova_async.lockdep import Tasks, Validator
from nova_async.mm.gpu import Gpu
from nova_async.mm.selftest import bar1, pramin

SelfTest = Callable[[Gpu], Awaitable[None]]

SELFTESTS: tuple[SelfTest, ...] = (
    pramin.pramin_bytes,
    pramin.pramin_little_endian,
    pramin.pramin_moves,
    pramin.pramin_refuses,
    bar1.bar1_one_page,
    bar1.bar1_two_phases,
    bar1.bar1_scattered,
    bar1.bar1_user,
    bar1.bar1_read_only,
    bar1.bar1_reuses_addresses,
    bar1.bar1_far_apart,
)
"""In the order in which they run; the name of the function is the name of the test."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one self-test.

    Attributes:
        name: of the test.
        error: one line that says what differed; empty if it passed.
    """

    name: str
    error: str = ""


async def run_selftests(chipset: Chipset, tasks: Tasks) -> list[Outcome]:
    """Run all self-tests on one chip.

    Args:
        chipset: which; its board has the usual amounts of memory.
        tasks: who runs, for the lock validator.
    """
    return [Outcome(_name(test), await _error_of(test, chipset, tasks)) for test in SELFTESTS]


async def _error_of(test: SelfTest, chipset: Chipset, tasks: Tasks) -> str:
    kernel = Kernel(Validator(tasks))
    try:
        gpu = Gpu.probe(kernel, Board(chipset))
        await test(gpu)
        await _settle(gpu)
    except Errno as error:
        return str(error)
    finally:
        kernel.lockdep.task_ended()
    return "; ".join(f"{finding.code}: {finding.message}" for finding in kernel.lockdep.findings)


async def _settle(gpu: Gpu) -> None:
    """A test leaves the device as it was.

    Raises:
        EIO: memory is missing.
    """
    await gpu.bar_user.vmm.close()
    await gpu.mm.deferred.drain()
    free, usable = await gpu.mm.buddy.avail(), len(gpu.mm.usable)
    if free != usable:
        raise EIO(f"{free:#x} bytes of VRAM are free after the test", expected=f"{usable:#x}")


def _name(test: SelfTest) -> str:
    name: str = getattr(test, "__name__", repr(test))
    return name
