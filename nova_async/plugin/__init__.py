"""What the pytest plugin does once a test asks for it; ``nova_async_pytest`` beside the package has the hooks.

::

    scenarios    scenario files as pytest collects them
    marked       an async test with the marker nova, explored
    replaying    --nova-replay
    worlds       the fixture nova_world
    lockdep      the fixture nova_lockdep
    judging      findings fail the test, on an event loop as well as explored
    settings     options, ini keys and the marker's arguments in, bounds out
    telling      the section of the report
"""
