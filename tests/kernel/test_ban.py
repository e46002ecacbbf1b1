from nova_async.errors import EIO, ENOMEM
from nova_async.kernel import Ban


def test_the_first_reason_stays() -> None:
    ban = Ban("vm")
    assert ban.why is None
    first = EIO("first")
    ban.strike(first)
    ban.strike(ENOMEM("second"))
    assert ban.why is first
