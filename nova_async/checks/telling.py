"""From a broken invariant to a :class:`~nova_async.findings.Finding`."""

from collections.abc import Hashable

from nova_async.findings import Finding, Severity, Witness
from nova_async.kernel import Kernel
from nova_async.lockdep import Tasks
from nova_async.lockdep.places import SKIPPED, FramePlaces
from nova_async.point import depend_on

TLB = "the TLB"
"""To an explorer a cache that is transparent until something is wrong, see :mod:`nova_async.checks.changes`."""

ADVICE = {
    "NOVA301": "Clear the entry and flush the TLB before the page is freed; record a page before it is linked.",
    "NOVA302": "Write only into a range that was taken; clear what was written, and flush, before it goes back.",
    "NOVA303": "Flush after the entries are cleared, and give nothing back before the flush has ended.",
    "NOVA304": "Let one lock own the window register, the cached base and the aperture; hold it for both accesses.",
    "NOVA306": "Reach the state through the guard of its lock.",
    "NOVA307": "Count a page for every mapping that needs it; set it aside, and keep it, until the last one is gone.",
    "NOVA308": "Hold the TLB lock from the wait for idle to the end of the invalidate.",
    "NOVA309": "Write down each change before it is made, and take back what is written down on every way out.",
    "NOVA310": "Clear, flush, and only then write anew or give back.",
    "NOVA311": "Keep the page until the last access has ended; let the GPU and every mapping of it go first.",
    "NOVA312": "Leave alone what is mapped until its owner has unmapped it; look before a shared entry is written.",
    "NOVA313": "Compare the owner of each frame with the one it is mapped for, before the entry is written.",
    "NOVA314": "Divide the work: let go of the window after a bounded number of words, and take it again.",
    "NOVA315": "Give the address space of BAR1 the size of its aperture.",
}
"""What to do, by code."""

# Whose fault it is, is seen above the hardware, these checks, and the window's accessors.
_SKIPPED = (*SKIPPED, "nova_async/hw/", "nova_async/checks/", "nova_async/mm/pramin", "nova_async/mm/observer")


class Teller:
    """Words findings of one kernel, and reports them to its validator, which keeps all findings in one order.

    Args:
        kernel: whose validator.
        tasks: who runs.
    """

    def __init__(self, kernel: Kernel, tasks: Tasks) -> None:
        self._lockdep = kernel.lockdep
        self._tasks = tasks
        self._places = FramePlaces(_SKIPPED)

    def task(self) -> Hashable:
        """Who runs."""
        return self._tasks.current()

    def name(self, task: Hashable) -> str:
        """The role name of a task."""
        return self._tasks.name(task)

    def may_touch(self, lock: str, instance: str = "") -> bool:
        """Whether the running task holds the lock of this class, and of this name where one is given.

        With a validator that is off nobody knows, and everybody may.
        """
        return self._lockdep.holds(lock, instance) or not self._lockdep.enabled

    def holds_instance(self, instance: str) -> bool:
        """Whether the running task holds the lock of this name, of whatever class it is."""
        return self.may_touch("", instance)

    @property
    def in_signalling(self) -> bool:
        """Whether the running task is inside a fence-signalling section."""
        return self._lockdep.in_signalling

    def tell(
        self,
        code: str,
        message: str,
        *key: str,
        severity: Severity = Severity.PROVED,
        others: tuple[str, ...] = (),
        locks: tuple[str, ...] = (),
    ) -> None:
        """Report what the running task did.

        Args:
            code: the rule.
            message: goes on after the name of the task.
            key: what makes two of them the same finding, beside the code and the place.
            severity: proved if it happened, possible if something else must happen before it hurts.
            others: the other tasks in the message.
            locks: the locks in the message.
        """
        depend_on(TLB)  # where something is wrong, what is in it may be wrong as well
        name = self._tasks.name(self._tasks.current())
        sites = self._places.resolve(self._places.capture())
        held = (Witness(name, f"holds {each.lock.instance}", each.sites) for each in self._lockdep.held())
        finding = Finding(
            code,
            severity,
            f"{name}: {message}",
            tasks=(name, *others),
            locks=locks,
            key=(code, *key, *map(str, sites)),
            held=tuple(held),
            chain=(Witness(name, message, sites),),
            advice=ADVICE[code],
        )
        self._lockdep.report(finding)
