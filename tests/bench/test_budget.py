from nova_async.bench.budget import MARGIN, MOST_ROUNDS, Budget


def test_the_first_round_needs_only_what_is_left_and_later_ones_the_share_of_the_group() -> None:
    budget = Budget(100, groups=4)
    budget.begin_group()
    budget.spend("slow", 2, 10)
    assert budget.affords("slow", 2, 1)
    assert budget.affords("slow", 14, 0)
    assert not budget.affords("slow", 14, 1)


def test_what_one_page_takes_says_nothing_about_many() -> None:
    budget = Budget(100, groups=1)
    budget.spend("ours", 1, 10)
    assert budget.estimate("ours", 1000) == 0


def test_estimates_grow_with_the_size_by_the_last_measurement() -> None:
    budget = Budget(100, groups=1)
    assert budget.estimate("ours", 1000) == 0
    budget.spend("ours", 10, 5)
    budget.spend("ours", 100, 20)
    assert budget.estimate("ours", 1000) == 200 * MARGIN


def test_every_round_has_all_groups_again() -> None:
    budget = Budget(100, groups=2)
    for _ in range(2):
        budget.begin_group()
        budget.begin_group()
        budget.begin_round()
    budget.begin_group()
    budget.spend("ours", 2, 1)
    assert budget.affords("ours", 80, 1)
    assert not budget.affords("ours", 90, 1)


def test_what_a_group_leaves_goes_to_the_next() -> None:
    budget = Budget(100, groups=2)
    budget.begin_group()
    budget.spend("ours", 2, 10)
    budget.begin_group()
    assert budget.affords("ours", 14, 1)
    assert not budget.affords("ours", 16, 1)


def test_there_is_a_most_of_rounds_however_cheap() -> None:
    budget = Budget(100, groups=1)
    budget.begin_group()
    assert budget.affords("ours", 1, MOST_ROUNDS - 1)
    assert not budget.affords("ours", 1, MOST_ROUNDS)
