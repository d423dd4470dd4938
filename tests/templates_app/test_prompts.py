"""Instructions: what they may say, and what they may never do."""

from datetime import timedelta
from time import thread_time

import pytest

from templates_app.prompts import MAX_RENDERED_LENGTH, PromptError, prompt_faults, render, variables_for
from templates_app.structure import Structure

DATA = {"title": "Example", "keywords": ["a", "b"], "items": [1, 2], "none": None}
VARIABLES = variables_for(type="article", data=DATA, metadata=None)
LIMIT = timedelta(seconds=5).total_seconds()
LOOPS = "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}"


def error_of(text: str) -> PromptError:
    with pytest.raises(PromptError) as refusal:
        render(text, VARIABLES)
    return refusal.value


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("Write on {{ title }}: {{ keywords | join(', ') }}", "Write on Example: a, b"),
        ("{% for k in keywords %}{{ loop.index }}/{{ loop.length }} {{ k|upper }};{% endfor %}", "1/2 A;2/2 B;"),
        ("{% if tone %}{{ tone }}{% else %}any tone{% endif %}", "any tone"),
        ("{{ data.items | length }}", "2"),
        ("{{ data.none }}", ""),
        ("{{ data.subtitle | default('none') }}", "none"),
        ("{{ 'a' ~ 1 ~ title }} {{ 6 * 7 }} {{ 7.456 | round(1) }}", "a1Example 42 7.5"),
        ("{{ data | tojson }}", '{"title": "Example", "keywords": ["a", "b"], "items": [1, 2], "none": null}'),
        ("{{ keywords | map('upper') | join }} {{ title.lower() }}", "AB example"),
        ("{% set first = keywords[0] %}{{ 'yes' if first in ['a'] else 'no' }}", "yes"),
        ("{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
    ],
)
def test_instructions_are_rendered_with_the_data(text, rendered):
    assert render(text, VARIABLES) == rendered


def test_variables_are_defined_and_empty_if_nothing_was_sent():
    variables = variables_for(type="article", data={}, metadata=None)
    text = "{{ title }}|{{ keywords | length }}|{{ tone }}|{{ target_audience }}|{{ type }}|{{ metadata | length }}"
    assert render(text, variables) == "|0|||article|0"


def test_keywords_sent_as_one_text_are_a_list():
    assert variables_for(type="a", data={"keywords": "one, two,"}, metadata=None)["keywords"] == ["one", "two"]


def test_what_a_client_sends_is_never_read_as_a_template():
    hostile = "{{ 7 * 7 }}{% for x in range(9) %}{{ ''.__class__ }}{% endfor %}{# gone #}"
    variables = variables_for(type="a", data={"title": hostile, "deep": {"x": [hostile]}}, metadata={"m": hostile})
    assert render("{{ title }}|{{ data.deep.x[0] }}|{{ metadata.m }}", variables) == "|".join([hostile] * 3)


def test_rendering_changes_nothing_in_the_data():
    data = {"keywords": ["a"]}
    with pytest.raises(PromptError):
        render("{{ data.keywords.append('b') }}", variables_for(type="a", data=data, metadata=None))
    assert data == {"keywords": ["a"]}


def test_missing_data_is_an_error_that_names_the_line():
    error = error_of("fine\nfine\n{{ data.subtitle }}")
    assert error.line == 3
    assert "this context brings no 'subtitle'" in error.message


@pytest.mark.parametrize("text", ["{{ data.subtitle }}", "{{ data['x'] }}", "{{ keywords[9] }}", "{{ tone.x }}"])
def test_what_is_missing_is_not_told_in_words_of_python(text):
    message = error_of(text).message
    assert "object" not in message
    assert "attribute" not in message


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ data.__init__.__globals__ }}",
        "{{ data['__class__'] }}",
        "{{ title | attr('__class__') }}",
        "{{ keywords | map(attribute='__class__.__mro__') | list | first }}",
        "{{ keywords | sort(attribute='__class__') }}",
        "{{ '{0.__class__}'.format(title) }}",
        "{{ '{x.__class__}'.format_map(data) }}",
        "{{ title.format.__self__ }}",
        "{{ '{}'.format(title) }}",
        "{{ render.__globals__ }}",
        "{{ range.__globals__ }}",
        "{{ loop.__class__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ data.pop('title') }}",
        "{{ data.update(data) }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% extends 'x' %}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
        "{{ namespace(x=1) }}{{ cycler }}{{ lipsum(1000) }}",
    ],
)
def test_way_out_of_the_sandbox_is_refused(text):
    error_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 'a' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ range(1000000000) | list }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a'.ljust(1000000000) }}{{ 'a'.zfill(1000000000) }}",
        "{{ '{:1000000000}'.format(1) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ 'a' | indent(1000000000) }}",
        "{{ 1.5 | round(1000000000) }}",
        "{{ (range(1000) | join('x' ~ range(1000) | join(range(1000) | join('z')))) }}",
        "{% set a = 'aaaa' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
        "{% set a = 'aaaa' %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
        "{% set a = 'aaaa' %}" + "{% set a = a | replace('a', a) %}" * 60 + "{{ a }}",
        "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
        "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60 + "{{ a == b }}",
        "{% set a = 99999 %}" + "{% set a = a * a %}" * 60 + "{{ a }}",
        LOOPS + "{% endfor %}" * 3,
        LOOPS + "x" + "{% endfor %}" * 3,
        "{% for a in range(1000) %}{% set x = range(1000) | map('string') | map('upper') | list | sort %}{% endfor %}",
        "{% for a in range(1000) %}" + "x" * 300 + "{% endfor %}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ 1" + "+1" * 4000 + " }}",
        "{{ title" + ".a" * 4000 + " }}",
    ],
)
def test_instructions_that_would_eat_the_machine_are_stopped(text):
    before = thread_time()
    error_of(text)
    assert thread_time() - before < LIMIT


def test_loops_over_what_a_client_sent_are_stopped():
    variables = variables_for(type="a", data={"keywords": ["x"] * 5000}, metadata=None)
    loop = "{% for a in keywords %}"
    before = thread_time()
    with pytest.raises(PromptError, match="takes more than"):
        render(loop * 3 + "{% endfor %}" * 3, variables)
    assert thread_time() - before < LIMIT


def test_rendered_text_is_bounded_when_the_data_is_large():
    variables = variables_for(type="a", data={"title": "x" * 1000}, metadata=None)
    assert len(render("{{ title }}" * 200, variables)) == MAX_RENDERED_LENGTH
    with pytest.raises(PromptError):
        render("{{ title }}" * 201, variables)


@pytest.mark.parametrize("text", [r"{{ '\ud800' }}", r"{{ '\x00' }}"])
def test_text_that_no_model_can_read_is_refused(text):
    with pytest.raises(PromptError, match="which no model can read"):
        render(text, variables_for(type="a", data={}, metadata=None))


def faults_of(*instructions: str) -> list[str]:
    sections = [{"type": "body", "instructions": text} for text in instructions]
    return [fault.message for fault in prompt_faults(Structure.model_validate({"sections": sections}))]


def test_every_fault_of_every_section_is_told_with_its_line():
    faults = faults_of("{{ title }}", "{{ a }}\n{{ b }}", "{{ title | shout }}", "{% endif %}")
    assert [fault.partition(":")[0] for fault in faults] == [
        "Section 2 (body), line 1",
        "Section 2 (body), line 2",
        "Section 3 (body), line 1",
        "Section 4 (body), line 1",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{% for word in keywords %}{{ word }}{% endfor %}",
        "{% set name = title %}{{ name }}",
        "{% for number in range(3) %}{{ number }}{{ loop.index }}{% endfor %}",
        "{{ data.anything.at.all }}{{ metadata.campaign }}",
    ],
)
def test_names_that_the_text_defines_itself_are_known(text):
    assert faults_of(text) == []


@pytest.mark.parametrize("text", ["{{ self }}", "{{ loop.index }}", "{{ namespace }}", "{{ x if title else y }}"])
def test_names_that_nothing_defines_are_unknown(text):
    assert "there is no variable" in faults_of(text)[0]


@pytest.mark.parametrize("text", ["{% macro f() %}{% endmacro %}", "{% block b %}{% endblock %}", "{{ {'a': 1} }}"])
def test_parts_of_jinja_that_instructions_do_not_need_are_refused(text):
    assert "is not available" in faults_of(text)[0]
