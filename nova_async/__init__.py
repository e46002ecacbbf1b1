"""nova_async: the memory manager of nova-core, shared by many, checked and explored.

The layers, top to bottom; each imports only from those below it (``tests/test_layers.py`` holds that)::

    plugin/     pytest: scenarios as tests, async tests in every order; its hooks are in nova_async_pytest
    cli         arguments in, exit code out
    report/     what people see: pure functions of results
    bench/      measurements that compare
    scenario/   questions with expected answers, and the runner
    clients/    who shares the GPU: vGPU creators, DRM submitters, the reclaimer
    explore/    every order in which they can meet
    checks/     the invariants over hardware and driver
    mm/         the driver's memory manager
    kernel/     what the driver leans on: locks, reclaim, fences, the scheduler
    lockdep/    the lock validator; knows no GPU
    hw/         the silicon; no locks, no policy
    findings  errors  address  point  events
"""

__version__ = "0.1.0"
