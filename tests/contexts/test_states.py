"""The table of moves."""

from contexts.states import ENDED, MOVES, OPEN, VISIBLE, Move, Status, sources, target


def test_every_move_stands_in_the_table():
    assert set(MOVES) == set(Move)


def test_every_status_is_held_open_or_ended():
    assert {Status.HELD, *OPEN, *ENDED} == set(Status)
    assert not set(OPEN) & set(ENDED)
    assert set(VISIBLE) == set(Status) - {Status.HELD}


def test_an_end_is_left_only_by_a_retry_of_a_failure():
    leaving = {(move, status) for move in Move for status in sources(move) if status in ENDED}
    assert leaving == {(Move.RETRY, Status.FAILED)}


def test_only_a_claim_makes_a_context_processing():
    makers = {move for move in Move if target(move) == Status.PROCESSING}
    assert makers == {Move.CLAIM, Move.CHECKPOINT}
    assert sources(Move.CLAIM) == ["pending", "retrying"]


def test_a_worker_moves_only_what_it_processes():
    for move in (Move.CHECKPOINT, Move.COMPLETE, Move.FAIL, Move.RETRY_LATER, Move.HAND_BACK):
        assert sources(move) == ["processing"]


def test_whatever_is_open_can_be_cancelled():
    assert set(sources(Move.CANCEL)) == set(OPEN)


def test_a_held_context_can_only_be_released():
    assert [move for move in Move if Status.HELD in sources(move)] == [Move.RELEASE]
