"""Writes without any model: the same words for the same wishes, for a machine with no key.

It reads ``ModelRequest.facts`` (see `AiGenerator`) and fills any other schema with plain texts. It names itself in
``model_used``, so that nobody takes its text for a model's.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from components.contract import ModelAnswer, ModelRequest

MODEL = "offline-1"
MAX_WORDS = 3000
DEFAULT_PARTS = 3
CHARACTERS_PER_TOKEN = 4

_OPENINGS = (
    "{title} is a subject that repays a careful look.",
    "Whoever meets {topic} for the first time soon asks where to begin.",
    "There are good reasons to spend some time on {title}.",
    "{title} touches more of the daily work than it seems at first.",
)
_SENTENCES = (
    "A clear view of {topic} makes every later decision easier.",
    "It helps to start small, to measure what happens, and to widen the work from there.",
    "Most difficulties with {topic} come from unspoken assumptions, so it pays to write them down.",
    "In practice {topic} and {other} belong together: a change in one is felt in the other.",
    "What works for one team need not work for the next; the reasons behind it usually do.",
    "A short list of examples says more about {topic} than a long definition.",
    "The costs of {topic} are easy to see, while the benefits show over time.",
    "Good habits around {topic} keep surprises small.",
    "It is worth asking early who depends on {topic}, and what they expect of it.",
    "Those who review {topic} regularly find that {other} becomes simpler as well.",
)
_CLOSINGS = (
    "Taken together, these points give {title} a firm footing.",
    "The next step is small: choose one point about {topic} and try it.",
    "With this in mind, {title} becomes a matter of steady work rather than of luck.",
)
_HEADINGS = (
    "Understanding {topic}",
    "Putting {topic} into practice",
    "Common questions about {topic}",
    "Getting {topic} right",
    "Where {topic} meets {other}",
    "Looking after {topic}",
)


class OfflineProvider:
    """Answers at once, from title, keywords and instructions alone."""

    async def generate(self, request: ModelRequest) -> ModelAnswer:
        text = json.dumps(_Writer(request.facts).answer(request.schema), ensure_ascii=False)
        return ModelAnswer(
            text=text,
            model=MODEL,
            input_tokens=_tokens(request.system) + _tokens(request.prompt),
            output_tokens=_tokens(text),
        )


def _tokens(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)


class _Writer:
    """Writes one text. Every choice follows from the title and the place in the text, so it never changes."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts
        self._title = _one_line(facts.get("title")) or "this subject"
        self._topics = _topics(facts.get("keywords")) or [self._title]
        self._seed = crc32(self._title.encode("utf-8", "replace"))
        self._said = 0

    def answer(self, schema: Mapping[str, Any]) -> Any:
        sections: Sequence[Mapping[str, Any]] = self._facts.get("sections") or ()
        if not sections:
            return self._fill(schema)
        last = len(sections) - 1
        return {
            section["key"]: self._section(section, index, is_last=index == last and last > 0)
            for index, section in enumerate(sections)
        }

    def _section(self, section: Mapping[str, Any], index: int, *, is_last: bool) -> Any:
        words = _words_wanted(section.get("word_range"))
        if not section["is_list"]:
            return self._text(index, section["instructions"], words, is_first=index == 0, is_last=is_last)
        count = section.get("count") or DEFAULT_PARTS
        return [self._passage(index, number, section["instructions"], words // count) for number in range(count)]

    def _passage(self, index: int, number: int, instructions: str, words: int) -> dict[str, str]:
        place = index * 31 + number
        heading = self._say(_HEADINGS[number % len(_HEADINGS)], number)
        return {
            "heading": heading[0].upper() + heading[1:],
            "content": self._text(place, instructions if number == 0 else "", words, topic=number),
        }

    def _text(
        self,
        place: int,
        instructions: str,
        words: int,
        *,
        topic: int = 0,
        is_first: bool = False,
        is_last: bool = False,
    ) -> str:
        start = self._seed + place * 7
        sentences = [self._say(_OPENINGS[start % len(_OPENINGS)], topic)] if is_first else []
        if is_first and (scope := self._scope()):
            sentences.append(scope)
        if purpose := _purpose(instructions):
            sentences.append(purpose)
        ending = [self._say(_CLOSINGS[start % len(_CLOSINGS)], topic)] if is_last else []
        have = sum(len(sentence.split()) for sentence in (*sentences, *ending))
        turn = 0
        while turn < 2 or have < words:
            sentences.append(self._next_sentence(topic + turn // 2))
            have += len(sentences[-1].split())
            turn += 1
        return _paragraphs([*sentences, *ending])

    def _next_sentence(self, topic: int) -> str:
        # one walk through all sentences for the whole text: none comes twice before every other came once
        self._said += 1
        return self._say(_SENTENCES[(self._seed + self._said * 3) % len(_SENTENCES)], topic)

    def _scope(self) -> str:
        audience = _one_line(self._facts.get("target_audience"))
        tone = _one_line(self._facts.get("tone"))
        about = _listed(self._topics[:5])
        return (
            f"This text covers {about}"
            + (f" for {audience}" if audience else "")
            + (f", in a {tone} tone." if tone else ".")
        )

    def _say(self, pattern: str, topic: int) -> str:
        said = pattern.format(
            title=self._title,
            topic=self._topics[topic % len(self._topics)],
            other=self._topics[(topic + 1) % len(self._topics)] if len(self._topics) > 1 else "the work around it",
        )
        return said[0].upper() + said[1:]

    def _fill(self, schema: Mapping[str, Any], place: int = 0) -> Any:
        kind = schema.get("type")
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            return {
                key: self._fill(inner, place + number)
                for number, (key, inner) in enumerate(schema.get("properties", {}).items())
            }
        if kind == "array":
            count = schema.get("minItems", DEFAULT_PARTS)
            return [self._fill(schema.get("items", {}), place + number) for number in range(count)]
        simple: dict[Any, Any] = {"integer": 0, "number": 0, "boolean": False, "null": None}
        return simple[kind] if kind in simple else self._text(place, "", 0, topic=place)


def _one_line(value: Any) -> str:
    return " ".join(value.split())[:200] if isinstance(value, str) else ""


def _topics(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [topic for item in items[:20] if (topic := _one_line(item))]


def _listed(topics: list[str]) -> str:
    return topics[0] if len(topics) == 1 else f"{', '.join(topics[:-1])} and {topics[-1]}"


def _purpose(instructions: str) -> str:
    brief = _one_line(instructions).rstrip(".!?")
    if not brief:
        return ""
    return f"The aim here: {brief[0].lower()}{brief[1:]}."


def _words_wanted(word_range: Any) -> int:
    return min(sum(word_range) // 2, MAX_WORDS) if word_range else 0


def _paragraphs(sentences: list[str], size: int = 4) -> str:
    return "\n\n".join(" ".join(sentences[at : at + size]) for at in range(0, len(sentences), size))
