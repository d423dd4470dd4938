"""How many contexts run beside one whose worker has died."""

import pytest

from contexts.engine.admission import Candidate, admit, back_off_seconds, group_size, is_blamed

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


def test_only_tries_alone_wait_and_they_wait_longer_each_time():
    assert [back_off_seconds(losses) for losses in range(7)] == [0, 0, 0, 5, 15, 30, 30]


def test_nobody_is_blamed_before_three_deaths_alone():
    blamed_at = next(losses for losses in range(20) if is_blamed(losses))
    deaths_alone = [losses for losses in range(blamed_at) if group_size(losses, MOST) == 1]
    assert len(deaths_alone) == 3
