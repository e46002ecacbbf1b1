"""How a self-test says what differed."""

from collections.abc import Callable

from nova_async.errors import EINVAL, EIO


def expect(what: str, seen: int | None, wanted: int | None) -> None:
    """Fail unless both are equal.

    Raises:
        EIO: they differ.
    """
    if seen != wanted:
        raise EIO(f"{what} is {_shown(seen)}", expected=_shown(wanted))


def expect_refused(what: str, call: Callable[[], object]) -> None:
    """Fail unless ``call`` is refused with EINVAL.

    Raises:
        EIO: it was not.
    """
    try:
        call()
    except EINVAL:
        return
    raise EIO(f"{what} was let through", expected="EINVAL")


def _shown(value: int | None) -> str:
    return "nothing" if value is None else f"{value:#x}"
