"""Why somebody may submit no more work: a VM or a context that did something from which nothing recovers."""

from nova_async.errors import Errno
from nova_async.point import observe_guarded, share, touch


class Ban:
    """Not struck at first, and then for ever.

    Args:
        name: whose, for reports.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._why: Errno | None = None

    @property
    def why(self) -> Errno | None:
        """What it was struck for; None as long as it was not."""
        touch(f"{self.name} banned")
        observe_guarded(type(self._why).__name__)
        return self._why

    def strike(self, why: Errno) -> None:
        """Refuse from now on. The first reason stays."""
        if self._why is None:
            self._why = why
            share(f"{self.name} banned", type(why).__name__)
