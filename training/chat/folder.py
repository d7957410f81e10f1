"""What models/freehold-chat holds: metadata, card, held-out questions and examples; everything in it is written here."""

import json
from dataclasses import dataclass
from pathlib import Path

from conversation import Call, Conversation, Message, Tool, calling, result, user
from evaluate import Score
from examination import Question
from phrases import SYSTEMS

NAME, RELEASE, LICENCE = "freehold/chat", "1.0", "Apache-2.0"
PRICES = {"priceOpg": "0", "priceInputTokenOpg": "0.0001", "priceOutputTokenOpg": "0.0004"}
TOOLS = {
    "search": Tool("search_docs", {"query": "string"}, "Search the documentation."),
    "sum": Tool("calculate", {"expression": "string"}, "Work out a sum."),
    "price": Tool("model_price", {"model": "string"}, "Price of a model."),
}


@dataclass(frozen=True)
class History:
    """How the weights came about."""

    steps: int
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Example:
    file: str
    about: str
    conversation: Conversation


def examples() -> list[Example]:
    """Requests to try; what the model answers is measured and written beside them."""
    system, tools = SYSTEMS[0], list(TOOLS.values())
    asked = user("What is 17 * 24?")
    return [
        Example("hello", "A greeting", Conversation([user("Hello!")], system)),
        Example("till", "A question about the network, answered from memory", Conversation([user("What is a till?")], system)),
        Example("sum", "A sum: the model calls `calculate`", Conversation([asked], system, tools)),
        Example(
            "sum-result",
            "The same, after the tool has answered",
            Conversation([asked, calling(Call("calculate", {"expression": "17 * 24"})), result("408")], system, tools),
        ),
        Example("price", "A price: the model calls `model_price`", Conversation([user("How much does plus/digits cost?")], system, tools)),
        Example("search", "A question that the documentation answers: the model calls `search_docs`", Conversation([user("What is a till?")], system, tools)),
    ]


def openai_messages(conversation: Conversation, last: int | None = None) -> list[dict]:
    """The messages as an OpenAI client sends them."""
    found = [{"role": "system", "content": conversation.system}] if conversation.system else []
    number = 0
    waiting: list[str] = []
    for message in conversation.messages[:last]:
        if message.role == "tool":
            found.append({"role": "tool", "tool_call_id": waiting.pop(0), "content": message.text})
        elif message.calls:
            waiting = [f"call_{number + index}" for index in range(len(message.calls))]
            number += len(waiting)
            found.append({"role": message.role, "content": None, "tool_calls": [openai_call(call, id) for call, id in zip(message.calls, waiting)]})
        else:
            found.append({"role": message.role, "content": message.text})
    return found


def openai_call(call: Call, id: str) -> dict:
    return {"id": id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}}


def request(conversation: Conversation, last: int | None = None) -> dict:
    tools = {"tools": [tool.as_openai() for tool in conversation.tools]} if conversation.tools else {}
    return {"messages": openai_messages(conversation, last), **tools}


def expected(message: Message) -> dict:
    """What is right, in the fewest words: the text, or name and arguments of each call."""
    if message.calls:
        return {"calls": [{"name": call.name, "arguments": call.arguments} for call in message.calls]}
    return {"text": message.text}


def test_file(questions: list[Question]) -> str:
    """One question a line: small, and a difference between two versions can be read."""
    head = compact({"about": "Held-out questions of freehold/chat; right is the expected turn to the last token, greedy decoding", "licence": LICENCE})
    rows = ",\n".join(compact({"group": q.group, **request(q.conversation, q.turn), "expected": expected(q.expected)}) for q in questions)
    return f'{head[:-1]},\n"questions":[\n{rows}\n]}}\n'


def percent(score: Score) -> str:
    return f"{100 * score.share:.0f} %"


def interval(score: Score) -> str:
    """Wilson's 95 % interval, in per cent."""
    z, n, share = 1.96, score.samples, score.share
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5
    return f"{100 * max(0.0, middle - half):.0f} to {100 * min(1.0, middle + half):.0f} %"


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def metadata(found: list[Score], answers: dict[str, dict], context: int, history: History) -> dict:
    correct, samples = sum(score.correct for score in found), sum(score.samples for score in found)
    return {
        "version": 1,
        "name": NAME,
        "release": RELEASE,
        "title": "A very small assistant",
        "summary": "Greets, explains this network, and uses tools: search, sums, look-ups. Nothing more.",
        "task": "text-generation",
        "tags": ["chat", "tools", "small", "gguf"],
        "licence": LICENCE,
        **PRICES,
        "parents": [],
        "format": "gguf",
        "files": {"model": "model.gguf", "card": "card.md", "test": "test.json"},
        "contextTokens": context,
        "inputs": [],
        "outputs": [],
        "metrics": {
            "accuracy": round(correct / samples, 6),
            "correct": correct,
            "samples": samples,
            "tests": [
                {
                    "name": score.group,
                    "file": "models/freehold-chat/test.json",
                    "correct": score.correct,
                    "samples": score.samples,
                    "accuracy": round(score.share, 6),
                }
                | ({} if score.least is None else {"least": score.least})
                for score in found
            ],
        },
        "training": {"steps": history.steps, "tokens": history.tokens, "seconds": round(history.seconds)},
        "examples": [{"file": f"examples/{example.file}.json", "about": example.about, "answer": answers[example.file]} for example in examples()],
    }


def write(folder: Path, found: list[Score], questions: list[Question], answers: dict[str, dict], card: str, context: int, history: History) -> None:
    (folder / "examples").mkdir(parents=True, exist_ok=True)
    (folder / "card.md").write_text(card, encoding="utf-8")
    (folder / "test.json").write_text(test_file(questions), encoding="utf-8")
    (folder / "model.json").write_text(json.dumps(metadata(found, answers, context, history), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for example in examples():
        (folder / "examples" / f"{example.file}.json").write_text(
            json.dumps(request(example.conversation), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )
