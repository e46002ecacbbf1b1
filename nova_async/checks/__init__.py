"""The invariants over hardware and driver.

The :class:`Sanitizer` judges every step as it happens, :func:`audit` the state at rest, :func:`close_accounts` the end;
:func:`deadlock` words the run that has none.
"""

from nova_async.checks.accounting import close_accounts as close_accounts
from nova_async.checks.audit import audit as audit
from nova_async.checks.deadlock import deadlock as deadlock
from nova_async.checks.sanitizer import Sanitizer as Sanitizer
