"""The work that every row does: a context of 1 KB, three steps, a model that answers 3 KB. Pure."""

import json
from typing import Any

PIPELINE = ["template", "ai_generator", "transformer"]
CONTEXT_BYTES = 1024
ANSWER_BYTES = 3 * 1024
PARTS = 3
SENTENCE = "Small services with clear borders are easier to change than one that knows everything. "


def context(number: int) -> dict[str, Any]:
    """Return a context as a client posts it, about 1 KB of JSON, each with a title of its own."""
    data: dict[str, Any] = {
        "title": f"Example Article {number}",
        "keywords": ["microservices", "architecture", "documentation"],
        "target_audience": "developers",
        "tone": "technical",
        "notes": "",
    }
    document = {"type": "article", "pipeline": PIPELINE, "data": data}
    data["notes"] = text_of(CONTEXT_BYTES - len(json.dumps(document)))
    return document


def answer() -> str:
    """Return what the model says: JSON that fits the sample template for technical articles, about 3 KB."""
    share = (ANSWER_BYTES - 200) // (PARTS + 2)
    body = [{"heading": f"Point {number + 1}", "content": text_of(share)} for number in range(PARTS)]
    return json.dumps({"introduction": text_of(share), "body": body, "conclusion": text_of(share)})


def text_of(size: int) -> str:
    """Return plain sentences of so many characters."""
    return (SENTENCE * (size // len(SENTENCE) + 1))[: max(size, 0)]
