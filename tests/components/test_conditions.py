"""The condition of a step must cost nobody else anything, whatever a client writes into it."""

import resource
import time

import pytest

from components.conditions import MAX_LENGTH, ConditionError, condition_holds, condition_problem

MEBIBYTE = 1024 * 1024
VIEW = {
    "type": "article",
    "metadata": {},
    "data": {
        "numbers": [1] * (MEBIBYTE // 2),
        "words": ["ab"] * (MEBIBYTE // 5),
        "text": "x" * MEBIBYTE,
        "title": "T",
    },
}


@pytest.mark.parametrize(
    "when",
    [
        "|".join(["[@,@]"] * 40) + "|to_string(@)",
        "|".join(["{a:@,b:@}"] * 40) + "|to_string(@)",
        "|".join(["[@,@][]"] * 60),
        "'abcdefgh'|" + "|".join(["join('',[@,@])"] * 50),
        "[[data.title]|" + "|".join(["[@,@]"] * 40) + ",[data.title]|" + "|".join(["[@,@]"] * 40) + "]|[0]==[1]",
        "[[data.title]|"
        + "|".join(["[@,@]"] * 40)
        + ",[data.title]|"
        + "|".join(["[@,@]"] * 40)
        + "]|contains([0],[1])",
        "data|join(text, words)",
        "data.numbers|[" + ",".join("@" * 200) + "][]",
        "data.numbers|[" + ",".join(["[::-1]"] * 100) + "]",
        "data.numbers|[" + ",".join(["@[*].[@,@,@,@,@]"] * 40) + "]",
        "data.numbers|[" + ",".join(["sort(@)"] * 100) + "]",
    ],
)
def test_costly_condition_ends_soon_and_small(when):
    assert condition_problem(when) is None
    started = time.thread_time()
    with pytest.raises(ConditionError, match="takes too long"):
        condition_holds(when, VIEW)
    assert time.thread_time() - started < 5  # without a bound none of them ends
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1024 * 1024  # kibibytes


@pytest.mark.parametrize(
    "when",
    [
        "length(data.numbers) > `10`",
        "contains(data.words, 'ab')",
        "contains(to_string(data.numbers), '1,1')",
        "starts_with(data.text, 'xx')",
        "data.numbers[:1000] | [?@ == `1`]",
        "data.words[:3] == ['ab', 'ab', 'ab'] || join(', ', data.words[:3]) == 'ab, ab, ab'",
        "sort_by(data.numbers[:100], &@)[0] == `1`",
    ],
)
def test_plain_question_about_a_mebibyte_is_answered(when):
    assert condition_holds(when, VIEW) is True


def test_condition_that_is_too_long_is_refused():
    assert condition_problem("a" * MAX_LENGTH) is None
    assert f"at most {MAX_LENGTH}" in str(condition_problem("a" * (MAX_LENGTH + 1)))


def test_condition_that_is_nested_deeply_is_decided_or_refused():
    when = "[" * 300 + "data.title" + "]" * 300
    assert condition_problem(when) is not None or condition_holds(when, VIEW)


def test_reason_does_not_repeat_the_data():
    with pytest.raises(ConditionError) as caught:
        condition_holds("abs(data.text)", VIEW)
    assert str(caught.value) == "abs() cannot take a value of type string"
