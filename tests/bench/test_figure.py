from nova_async.bench.figure import Figure, Goal, Samples


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


def test_a_goal_is_met_up_to_its_limit() -> None:
    assert Goal("time", 1.2, 1.2).met
    assert not Goal("time", 1.21, 1.2).met
