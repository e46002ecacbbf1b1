"""``python -m nova_async``: the same as ``nova-async``."""

import sys

from nova_async.cli import main

sys.exit(main())
