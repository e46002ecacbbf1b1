"""The explorer: runs a program in every order in which its tasks can meet, or in as many as there is time for.

::

    explorer      explore(): the public face; result is what it gives back
    driver        one execution: asks the strategy at every step
    loop          the controlled loop: task, handles, refused serve it
    state         what names a global state: histories, and the digest of all that is shared
    execution     the record of one execution; schedule is what is kept of it
    strategies/   who chooses
    progress      why an execution does not end; it goes on for that (continuation), and is watched (situation)
    token         a schedule as one line, or as a file
    shrink        simpler schedules of one failure
    primitives    cells, locks and flags; programs are made of them
"""

from nova_async.explore.driver import WhoHolds as WhoHolds
from nova_async.explore.execution import Ending as Ending
from nova_async.explore.execution import Execution as Execution
from nova_async.explore.exploration import Bounds as Bounds
from nova_async.explore.exploration import Exploration as Exploration
from nova_async.explore.exploration import Judge as Judge
from nova_async.explore.exploration import Progress as Progress
from nova_async.explore.explorer import explore as explore
from nova_async.explore.result import Failure as Failure
from nova_async.explore.result import Result as Result
from nova_async.explore.schedule import Schedule as Schedule
from nova_async.explore.shrink import Shrinker as Shrinker
from nova_async.explore.shrink import Shrunk as Shrunk
from nova_async.explore.shrink import shrink as shrink
from nova_async.explore.strategies import STRATEGIES as STRATEGIES
from nova_async.explore.strategies import Strategy as Strategy
from nova_async.explore.token import Token as Token
from nova_async.explore.token import fingerprint_of as fingerprint_of
from nova_async.point import observe as observe
from nova_async.point import pick as pick
from nova_async.point import share as share
