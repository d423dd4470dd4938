"""Workers that claim beside each other keep out of each other's way, and leave nothing lying at the head."""

import random

from contexts.engine.crowd import MOST_PARTS, Crowd

LINE = list(range(1000))


def test_worker_that_loses_no_race_takes_from_the_head():
    crowd = Crowd()
    crowd.note(asked=10, got=10)
    assert crowd.part(LINE, 10) == LINE[:10]


def test_worker_that_lost_a_race_takes_from_any_part_the_head_among_them():
    crowd = Crowd(random.Random(1))
    for _ in range(5):
        crowd.note(asked=10, got=3)
    assert crowd.parts == MOST_PARTS
    begins = {crowd.part(LINE, 10)[0] for _ in range(200)}
    assert begins == {10 * part for part in range(MOST_PARTS)}


def test_short_line_is_taken_from_its_head():
    crowd = Crowd()
    crowd.note(asked=10, got=0)
    assert crowd.part(LINE[:7], 10) == LINE[:7]
    assert crowd.part([], 10) == []


def test_worker_comes_back_to_the_head_when_the_others_are_gone():
    crowd = Crowd()
    for _ in range(5):
        crowd.note(asked=10, got=0)
    for _ in range(2 * MOST_PARTS):
        crowd.note(asked=10, got=10)
    assert crowd.parts == 1
