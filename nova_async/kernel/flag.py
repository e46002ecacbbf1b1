"""One bit that an operation waits for, kept apart from the lock or fence that has it."""


class Flag:
    """A bit, and the two questions an operation asks of it.

    An operation that asked its lock would close a circle, lock to operation to lock, which only Python's collector
    undoes; and whatever the lock guards would wait for the collector as well. A soak makes one fence or mutex for every
    six operations, with a whole address space behind most of the mutexes.

    Attributes:
        up: the bit; False at first.
    """

    __slots__ = ("up",)

    def __init__(self) -> None:
        self.up = False

    def is_up(self) -> bool:
        """Whether it is set."""
        return self.up

    def is_down(self) -> bool:
        """Whether it is not."""
        return not self.up
