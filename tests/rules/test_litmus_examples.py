import pytest

from nova_async.findings import SLUGS
from nova_async.lockdep import litmus
from nova_async.rules import rule

EXAMPLES = [
    pytest.param(code, example.good, example.text, id=f"{code}-{'good' if example.good else 'bad'}")
    for code in SLUGS
    for example in rule(code).examples
    if example.language == "litmus"
]


@pytest.mark.parametrize(("code", "good", "text"), EXAMPLES)
def test_a_bad_example_gives_its_code_and_no_other_and_a_good_one_nothing(code: str, good: bool, text: str) -> None:
    assert sorted({finding.code for finding in litmus(text)}) == ([] if good else [code])


def test_the_sequence_that_the_window_rule_quotes_gives_what_it_says() -> None:
    quoted = next(line.split("`")[1] for line in rule("NOVA201").text.splitlines() if "`E(pramin)" in line)
    assert [finding.code for finding in litmus(quoted)] == ["NOVA203"]
