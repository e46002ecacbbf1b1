"""The bar counts steps, and a note says how far one is without counting."""

from rich.progress import Progress

from nova_async.cli.terminal import Steps


def test_a_note_changes_the_words_and_not_the_count() -> None:
    bar = Progress(disable=True)
    steps = Steps(bar, 3)

    def shown() -> tuple[str, float]:
        return bar.tasks[0].description, bar.tasks[0].completed

    steps("soak")
    assert shown() == ("soak", 0)
    steps.note("10%")
    assert shown() == ("soak: 10%", 0)
    steps("next")
    assert shown() == ("next", 1)
