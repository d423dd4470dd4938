"""How many contexts run beside one whose worker has died."""

import pytest

from contexts.engine.admission import (
    Candidate,
    Survivors,
    admit,
    back_off_seconds,
    group_size,
    is_blamed,
    losses_after,
)

MOST = 512


def candidates(*losses: int) -> list[Candidate]:
    return [Candidate(f"ctx_{index}", value) for index, value in enumerate(losses)]


def test_innocent_contexts_fill_the_room():
    found = admit(candidates(*[0] * 600), running=[], most=MOST)
    assert len(found.ids) == MOST


@pytest.mark.parametrize(("losses", "group"), [(1, 32), (2, 4), (3, 1), (9, 1)])
def test_each_loss_makes_the_group_smaller(losses: int, group: int):
    found = admit(candidates(*[losses] * 100), running=[], most=MOST)
    assert len(found.ids) == group
    assert found.is_blocked


def test_suspect_waits_until_there_are_fewer_beside_it():
    found = admit(candidates(3, 0, 0), running=[0, 0], most=MOST)
    assert found.ids == ()
    assert found.is_blocked


def test_nobody_joins_a_context_that_runs_alone():
    found = admit(candidates(0), running=[3], most=MOST)
    assert found.ids == ()


def test_suspects_small_group_limits_who_joins():
    found = admit(candidates(*[0] * 40), running=[1], most=MOST)
    assert len(found.ids) == 31


def survivors_of(*losses: int) -> Survivors:
    survivors = Survivors()
    for value in losses:
        survivors.note(value)
    return survivors


def test_suspects_are_cleared_in_groups_that_double():
    left, rounds, survivors = 300, 0, Survivors()
    while left:
        found = admit(candidates(*[3] * left), running=[], most=MOST, survivors=survivors)
        for _ in found.ids:
            survivors.note(3)
        left -= len(found.ids)
        rounds += 1
    assert rounds == 9


def test_survivors_of_fewer_losses_prove_nothing_for_more():
    found = admit(candidates(3, 3), running=[], most=MOST, survivors=survivors_of(0, 1, 2))
    assert len(found.ids) == 1


def test_last_suspects_run_among_their_like_only():
    some = survivors_of(3, 3, 3, 3)
    assert admit(candidates(0), running=[3], most=MOST, survivors=some).ids == ()
    assert admit(candidates(3), running=[0], most=MOST, survivors=some).ids == ()
    assert len(admit(candidates(3, 3), running=[3], most=MOST, survivors=some).ids) == 2


def test_context_whose_worker_died_while_it_was_alone_stays_alone():
    found = admit(candidates(4, 4), running=[], most=MOST, survivors=survivors_of(3, 3, 4))
    assert len(found.ids) == 1


def test_loss_among_others_brings_nobody_nearer_to_blame():
    assert [losses_after(losses, held=2) for losses in range(6)] == [1, 2, 3, 3, 4, 5]
    assert [losses_after(losses, held=1) for losses in range(6)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("killer", [0, 1, 149, 298, 299])
def test_killer_among_hundreds_of_suspects_is_found(killer: int):
    """A queue in the order of its waits; a death sends its group to the end."""
    queue, losses, deaths = [f"ctx_{index}" for index in range(300)], 3, 0
    survivors = Survivors()
    while not is_blamed(losses):
        waiting = [Candidate(name, losses if name == f"ctx_{killer}" else 3) for name in queue]
        group = list(admit(waiting, running=[], most=MOST, survivors=survivors).ids)
        queue = queue[len(group) :]
        if f"ctx_{killer}" not in group:
            for _ in group:
                survivors.note(3)
            continue
        deaths, survivors = deaths + 1, Survivors()
        losses = losses_after(losses, held=len(group))
        queue += group
    assert deaths <= 5 + 8
    assert queue == [f"ctx_{killer}"], "nobody else is left"


def test_only_tries_alone_wait_and_they_wait_longer_each_time():
    assert [back_off_seconds(losses) for losses in range(9)] == [0, 0, 0, 5, 10, 20, 30, 30, 30]


def test_nobody_is_blamed_before_five_deaths_alone():
    blamed_at = next(losses for losses in range(20) if is_blamed(losses))
    deaths_alone = [losses for losses in range(blamed_at) if group_size(losses, MOST) == 1]
    assert len(deaths_alone) == 5
