from nova_async.mm.selftest import Outcome, ktap

GOOD = [Outcome("one"), Outcome("two")]
BAD = [Outcome("one"), Outcome("two", "EIO: the page is 0x1;\n expected 0x2")]


def test_a_chip_is_a_test_and_a_self_test_a_subtest() -> None:
    assert ktap({"GA102": GOOD}) == (
        "KTAP version 1\n1..1\n  KTAP version 1\n  1..2\n  ok 1 one\n  ok 2 two\nok 1 GA102\n"
    )


def test_what_differed_comes_before_the_result_and_the_parent_fails_with_its_child() -> None:
    lines = ktap({"GA102": GOOD, "GH100": BAD}).splitlines()
    assert lines[1] == "1..2"
    assert lines[-4:] == [
        "  ok 1 one",
        "  # EIO: the page is 0x1; expected 0x2",
        "  not ok 2 two",
        "not ok 2 GH100",
    ]
