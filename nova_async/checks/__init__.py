"""The invariants over hardware and driver."""

from nova_async.checks.accounting import close_accounts as close_accounts
from nova_async.checks.deadlock import deadlock as deadlock
