"""Holds `template.jinja`, which engines render, against `conversation.py`, which training used."""

import json
from pathlib import Path

from jinja2 import Environment

from conversation import encode
from corpus import conversations
from folder import request
from tokenizer import END, Vocabulary

SOURCE = Path(__file__).with_name("template.jinja").read_text(encoding="utf-8").strip()


def differences(vocabulary: Vocabulary, count: int = 500) -> int:
    """In how many of `count` conversations the two do not give the same ids."""
    environment = Environment(autoescape=False)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = environment.from_string(SOURCE)
    different = 0
    for conversation, _ in zip(conversations("template"), range(count)):
        sent = request(conversation)
        for message in sent["messages"]:
            for call in message.get("tool_calls", []):
                call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        ids, _ = encode(vocabulary, conversation)
        different += template.render(**sent, add_generation_prompt=False) != vocabulary.decode(ids[:-1] if ids[-1] == END else ids)
    return different
