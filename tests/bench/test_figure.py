from nova_async.bench.figure import Compared, Figure, Goal, Samples


def test_a_figure_is_the_median_with_the_distance_of_the_farthest_round() -> None:
    samples = Samples()
    for value in (3.0, 1.0, 2.0, 9.0, 2.0):
        samples.add("map: ours", 512, "µs", value)
    (figure,) = samples.figures({}, ())
    assert figure == Figure("map: ours", 512, "µs", median=2.0, spread=7.0, rounds=5)


def test_a_ratio_compares_figures_of_one_size_and_unit() -> None:
    samples = Samples()
    samples.add("map: ours", 1, "µs", 30)
    samples.add("map: ours", 2, "µs", 20)
    samples.add("map: bound", 2, "µs", 8)
    samples.add("map: ours", 2, "reads", 20)
    samples.add("map: bound", 2, "reads", 10)
    figures = samples.figures({"map: ours": "map: bound"}, ["µs"])
    found = {(figure.name, figure.size, figure.unit): (figure.against, figure.ratio) for figure in figures}
    assert found == {
        ("map: ours", 1, "µs"): ("map: bound", None),
        ("map: ours", 2, "µs"): ("map: bound", 2.5),
        ("map: bound", 2, "µs"): ("", None),
        ("map: ours", 2, "reads"): ("", None),
        ("map: bound", 2, "reads"): ("", None),
    }


def test_nothing_is_compared_with_zero() -> None:
    samples = Samples()
    samples.add("ours", 1, "moves", 3)
    samples.add("bound", 1, "moves", 0)
    assert [figure.ratio for figure in samples.figures({"ours": "bound"}, ["moves"])] == [None, None]


def test_a_goal_is_met_up_to_its_limit_or_from_it_on() -> None:
    assert Goal("time", 1.2, 1.2).met
    assert not Goal("time", 1.21, 1.2).met
    assert Goal("rate", 5000, 5000, at_least=True).met
    assert not Goal("rate", 4999, 5000, at_least=True).met


def two(ours: list[float], bound: list[float]) -> Samples:
    samples = Samples()
    for name, values in (("ours", ours), ("bound", bound)):
        for value in values:
            samples.add(name, 1, "µs", value)
    return samples


def test_the_spread_of_a_ratio_is_that_of_its_rounds_so_that_a_slow_moment_of_both_does_not_count() -> None:
    alike = two([20, 40, 20], [10, 20, 10])
    (ours, bound) = alike.figures({"ours": "bound"}, ["µs"])
    assert (ours.ratio, ours.ratio_spread, ours.spread) == (2.0, 0.0, 20)
    assert (bound.ratio, bound.ratio_spread) == (None, 0.0)
    unlike = two([20, 40, 20], [10, 10, 10]).ratio("ours", "bound", 1, "µs")
    assert unlike == Compared(2.0, 2.0)


def test_sizes_can_be_compared_as_well() -> None:
    samples = two([20, 20], [10, 10])
    samples.add("ours", 100, "µs", 60)
    growth = samples.ratio("ours", "ours", 100, "µs", 1)
    assert growth is not None
    assert growth.goal("growth", 4) == Goal("growth", 3.0, 4, 0.0)
    assert samples.ratio("ours", "ours", 7, "µs", 1) is None


def test_a_difference_has_the_spread_of_its_rounds() -> None:
    samples = two([20, 31, 20], [10, 20, 10])
    assert samples.difference("ours", "bound", 1, "µs") == Compared(10, 1)
    assert samples.difference("ours", "nobody", 1, "µs") is None


def test_noise_is_the_spread_as_a_part_of_the_median() -> None:
    assert Figure("ours", 1, "µs", 10, 2, 3).noise == 0.2
    assert Figure("ours", 1, "moves", 0, 0, 3).noise == 0
