"""The command line: arguments in, exit code out; no logic.

Each verb is a module of this package with a ``command``, imported when it is called, so that ``--version`` and ``-h``
cost no more than click does::

    app         verbs, errors, exit codes
    command     help that begins with examples
    options     the options that verbs share
    outputs     the files that verbs write: their options, and the writing
    exploring   several scenarios, explored one after the other
    terminal    stdout and stderr as consoles, the progress bar
    logs        structlog, to stderr
"""

from nova_async.cli.app import main as main
