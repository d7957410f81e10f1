"""A conversation and the one way it is written: the Python twin of `template.jinja`, in token ids instead of text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from tokenizer import CALL, CALL_END, END, MESSAGE, MESSAGE_END, Vocabulary

ASSISTANT = "assistant"


@dataclass(frozen=True)
class Tool:
    """What the model sees of a tool. `parameters` maps a name to its type, with `?` at the end of the name of an optional one."""

    name: str
    parameters: dict[str, str]
    description: str = ""

    def line(self) -> str:
        parameters = ", ".join(f"{name}: {kind}" for name, kind in self.parameters.items())
        return f"{self.name}({parameters})" + (f" - {self.description}" if self.description else "")

    def as_openai(self) -> dict:
        """The definition as an OpenAI client sends it."""
        properties = {name.rstrip("?"): {"enum": kind.split("|")} if "|" in kind else {"type": kind} for name, kind in self.parameters.items()}
        required = [name for name in self.parameters if not name.endswith("?")]
        parameters = {"type": "object", "properties": properties, "required": required}
        return {"type": "function", "function": {"name": self.name, "description": self.description, "parameters": parameters}}


@dataclass(frozen=True)
class Call:
    name: str
    arguments: dict

    def text(self) -> str:
        return json.dumps({"name": self.name, "arguments": self.arguments}, ensure_ascii=False)


@dataclass(frozen=True)
class Message:
    role: str
    text: str = ""
    calls: tuple[Call, ...] = ()


@dataclass
class Conversation:
    messages: list[Message]
    system: str = ""
    tools: list[Tool] = field(default_factory=list)

    def system_part(self) -> str:
        parts = [self.system] if self.system else []
        if self.tools:
            parts.append("\n".join(["Tools:", *(tool.line() for tool in self.tools)]))
        return "\n\n".join(parts)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message(ASSISTANT, text)


def calling(*calls: Call) -> Message:
    return Message(ASSISTANT, calls=calls)


def result(text: str) -> Message:
    return Message("tool", text)


def opening(vocabulary: Vocabulary, role: str) -> list[int]:
    return [MESSAGE, *vocabulary.encode(f"{role}\n")]


def body(vocabulary: Vocabulary, message: Message) -> list[int]:
    ids = [*vocabulary.encode(message.text)]
    for call in message.calls:
        ids += [CALL, *vocabulary.encode(call.text()), CALL_END]
    return [*ids, MESSAGE_END]


def encode(vocabulary: Vocabulary, conversation: Conversation, last: int | None = None) -> tuple[list[int], list[bool]]:
    """Ids of the whole conversation, or of its first `last` messages; beside each id whether the assistant says it (and so learns it)."""
    ids: list[int] = []
    said: list[bool] = []

    def add(part: Sequence[int], learned: bool = False) -> None:
        ids.extend(part)
        said.extend([learned] * len(part))

    system = conversation.system_part()
    messages = [Message("system", system)] if system else []
    newline = vocabulary.encode("\n")
    for message in messages + conversation.messages[:last]:
        add(opening(vocabulary, message.role))
        add(body(vocabulary, message), message.role == ASSISTANT)
        add(newline)
    if last is None:
        add([END])
    return ids, said


def prompt(vocabulary: Vocabulary, conversation: Conversation, last: int) -> list[int]:
    """The ids before which the assistant's next turn stands, after the first `last` messages."""
    return encode(vocabulary, conversation, last)[0] + opening(vocabulary, ASSISTANT)
