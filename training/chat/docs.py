"""Searching the documentation: the call, and the answer word for word from what the search gave."""

import re
from functools import cache
from pathlib import Path

from conversation import Call, Conversation, Tool, assistant, user
from knowledge import ENTRIES, TERMS, WAYS, Entry
from toolbox import described, wording
from words import QUALITIES, Words

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/decisions/*.md", "packages/*/README.md", "models/README.md")
NOTHING = "No results."
VERBS = "keeps names signs checks holds counts divides moves reads writes pays finds stores opens closes proves shows needs serves".split()
LINKS = "before after with for without under near from".split()


@cache
def sentences() -> tuple[str, ...]:
    """Plain sentences of this repository's own pages, 30 to 220 characters."""
    found: set[str] = set()
    for pattern in PAGES:
        for page in sorted(REPOSITORY.glob(pattern)):
            text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
            text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
            for block in re.split(r"\n\s*\n|\n[-|#*] ?", text):
                line = re.sub(r"[*`#|]", "", " ".join(block.split()))
                found.update(part for part in re.split(r"(?<=[.!?]) ", line) if 30 <= len(part) <= 220 and part[-1] == ".")
    return tuple(sorted(found))


def made_up_sentence(words: Words, about: str) -> str:
    pick = words.stream.choice
    subject = pick((f"A {about}", f"The {about}", about.capitalize(), f"Each {about}"))
    parts = [f"{subject} {pick(VERBS)} the {pick(QUALITIES)} {words.thing()}"]
    while words.stream.random() < 0.5 and len(parts) < 4:
        parts.append(
            pick(
                (
                    f"{pick(LINKS)} {words.number()} {words.thing()}s",
                    f"{pick(LINKS)} a {words.thing()}",
                    f"and {pick(VERBS)} {words.made_up()}",
                    f"{pick(LINKS)} the {words.phrase()}",
                )
            )
        )
    return " ".join(parts) + "."


def passage(words: Words, about: str) -> str:
    kind = words.stream.random()
    if kind < 0.3:
        return words.stream.choice(sentences())
    text = made_up_sentence(words, about)
    return text if kind < 0.7 else f"{text} {made_up_sentence(words, about)}"


def titled(words: Words, topic: str) -> str:
    """The heading of a passage: the topic itself, or what a page may make of it."""
    if words.test or words.stream.random() < 0.6:
        return topic
    capital = topic[0].upper() + topic[1:]
    return words.stream.choice(
        (
            capital,
            capital,
            f"{capital}s",
            f"The {topic}",
            f"How a {topic} works",
            f"{words.thing()} > {topic}",
            f"{words.stream.randint(1, 9)}. {capital}",
            f"{capital} and {words.thing()}",
        )
    )


def search_tool(words: Words) -> Tool:
    return described(
        words,
        ("search_docs", "search", "find_docs", "search_documentation"),
        {"query": "string"},
        ("Search the documentation.", "Find a passage of the documentation.", "Search the docs."),
    )


def subject(words: Words) -> tuple[str, str, str | None]:
    """A question, the words to search for, and the passage that answers it if it is one of the known ones."""
    stream = words.stream
    if not words.test and stream.random() < 0.4:
        entry: Entry = stream.choice((*TERMS, *TERMS, *WAYS))
        return stream.choice(entry.trained), entry.title, entry.answer
    topic = words.phrase()
    if stream.random() < 0.25:
        topic = f"{stream.choice(VERBS).rstrip('s')} a {topic}"
        return wording(words, ("How do I {x}?", "How can I {x}?", "I want to {x}.", "how to {x}"), "What are the steps to {x}?").format(x=topic), topic, None
    asks = (
        "What is a {x}?",
        "What is {x}?",
        "Explain {x}.",
        "What does {x} mean?",
        "Tell me about {x}.",
        "Define {x}.",
        "what is {x}",
        "How does {x} work?",
        "Why is there a {x}?",
        "What does the documentation say about {x}?",
        "Search the documentation for {x}.",
        "Search for {x}.",
        "Do you know what a {x} is?",
        "Tell me what {x} means.",
        "I want to know how {x} works.",
        "Say what {x} is for.",
        "What {x} is, please?",
    )
    return wording(words, asks, "Could you tell me what {x} is?").format(x=topic), topic, None


def search(words: Words) -> tuple[Tool, str, Call, str, str]:
    """Tool, question, call, result, reply."""
    stream = words.stream
    question, topic, known = subject(words)
    tool = search_tool(words)
    if stream.random() < 0.06:
        return tool, question, Call(tool.name, {"query": topic}), NOTHING, f"I found nothing about {topic}."
    said = known or passage(words, topic)
    lines = [(titled(words, topic), said)]
    for _ in range(stream.choice((0, 0, 1, 1, 2))):
        other = stream.choice(ENTRIES)
        lines.append((other.title, other.answer) if not words.test and stream.random() < 0.4 else (words.phrase(), passage(words, words.phrase())))
    lines = [line for index, line in enumerate(lines) if index == 0 or line[0] != topic]
    if lines[0][0] == topic or stream.random() < 0.3:
        stream.shuffle(lines)
    return tool, question, Call(tool.name, {"query": topic}), "\n".join(f"{title}: {text}" for title, text in lines), said


def read(words: Words) -> Conversation:
    """The same without a tool: passages stand in the system part or before the question."""
    _, question, _, found, reply = search(words)
    if found == NOTHING or words.stream.random() < 0.5:
        return Conversation([user(f"{found}\n{question}"), assistant(reply)])
    return Conversation([user(question), assistant(reply)], system=found)
