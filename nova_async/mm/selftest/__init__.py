"""The self-tests of the driver, run at probe on a device that nobody uses yet (hardware.md 4.7).

Each takes a probed device and goes only the ways that the driver has: PRAMIN, an address space, BAR1. What it finds
wrong is an EIO that names what differed. NVIDIA runs the PRAMIN ones on Turing, Ampere and Ada only; here every chip
has the window.
"""

from nova_async.mm.selftest.ktap import ktap as ktap
from nova_async.mm.selftest.runner import SELFTESTS as SELFTESTS
from nova_async.mm.selftest.runner import Outcome as Outcome
from nova_async.mm.selftest.runner import run_selftests as run_selftests
