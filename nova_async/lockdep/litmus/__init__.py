"""Lock litmus: a lock sequence small enough for a mail or a commit message (design section 7)."""

from nova_async.findings import Finding
from nova_async.lockdep.litmus.interpreter import Interpreter
from nova_async.lockdep.litmus.parser import parse

__all__ = ["litmus"]


def litmus(text: str) -> list[Finding]:
    """What the validator finds in a sequence such as ``E(A) E(B) ; E(B) E(A)``, in order.

    Raises:
        UsageError: the text is not in the notation; the message names the column.
    """
    return Interpreter(parse(text)).run()
