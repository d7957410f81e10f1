"""The held-out questions: made-up names of the test's class, wordings that training never shows, fields that no tool of training has."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import phrases
from conversation import ASSISTANT, Conversation, Message, assistant, calling, result, user
from copying import echo, extract, look_up, recall, remember
from corpus import draw, greet, lacks_the_tool, needs_no_tool, offer, run_chain, run_search, run_two, unknown
from docs import read
from knowledge import ENTRIES
from toolbox import NETWORK, field_of
from words import Words

SEED = "examination"


@dataclass(frozen=True)
class Question:
    """A conversation up to an assistant's turn (`turn` messages), and the turn that is right."""

    group: str
    conversation: Conversation
    turn: int

    @property
    def expected(self) -> Message:
        return self.conversation.messages[self.turn]


@dataclass(frozen=True)
class Group:
    """`least` is the share of right answers below which nothing is exported; None where the figure is only reported."""

    name: str
    about: str
    least: float | None
    make: Callable[[Words], list[tuple[Conversation, int]]]
    count: int = 40


def last_turn(conversation: Conversation) -> list[tuple[Conversation, int]]:
    return [(conversation, len(conversation.messages) - 1)]


def first_turn(conversation: Conversation) -> list[tuple[Conversation, int]]:
    return [(conversation, next(index for index, message in enumerate(conversation.messages) if message.role == ASSISTANT))]


def errand_of(words: Words, makers: tuple) -> Conversation:
    errand = draw(words, makers)(words)
    messages = [user(errand.question), calling(errand.call()), result(errand.result), assistant(errand.reply)]
    return Conversation(messages, system=phrases.SYSTEMS[0], tools=offer(words, [errand.tool]))


network_tools = tuple((maker, 1) for maker in NETWORK)


def every_entry() -> Callable[[Words], list[tuple[Conversation, int]]]:
    return lambda _: [(Conversation([user(entry.held_out), assistant(entry.answer)], system=phrases.SYSTEMS[0]), 1) for entry in ENTRIES]


GROUPS = (
    Group("look-ups", "one field of one row of a list of one to six models; names never seen", 0.7, lambda words: last_turn(look_up(words))),
    Group("pairs", "the value of one of two to eight made-up pairs", 0.7, lambda words: first_turn(recall(words))),
    Group("echoes", "one to twelve made-up words repeated", 0.8, lambda words: last_turn(echo(words))),
    Group("what the user said", "name, place, colour, food or age, told before", 0.9, lambda words: last_turn(remember(words))),
    Group("JSON", "the named keys from a sentence", 0.6, lambda words: last_turn(extract(words))),
    Group(
        "tool choice",
        "the right one of one to four tools of the network, with exactly the right arguments",
        0.9,
        lambda words: first_turn(errand_of(words, network_tools)),
    ),
    Group(
        "new tools", "the same, for a tool whose name, field and parameter were never seen", None, lambda words: first_turn(errand_of(words, ((field_of, 1),)))
    ),
    Group("no tool", "tools are offered and none fits: an answer in words", None, lambda words: first_turn(needs_no_tool(words))),
    Group("missing tool", "the tool that is needed is not offered: it says so", None, lambda words: first_turn(lacks_the_tool(words))),
    Group("tool results", "the answer quotes the tool's result exactly", 0.9, lambda words: last_turn(errand_of(words, network_tools))),
    Group("search calls", "the right words are searched for", None, lambda words: first_turn(run_search(words))),
    Group("search results", "the fitting one of one to three passages, word for word", None, lambda words: last_turn(run_search(words))),
    Group("passages", "the same, from passages in the prompt", None, lambda words: last_turn(read(words))),
    Group("two calls", "two questions, two calls in one turn", 0.45, lambda words: first_turn(run_two(words))),
    Group("price, then sum", "the second call takes the price from the first one's result", 0.85, lambda words: [(run_chain(words), 3)]),
    Group("the network", "one held-out question for each of the things it can explain", 0.8, every_entry(), count=len(ENTRIES)),
    Group("greetings", "", None, lambda words: last_turn(greet(words)), count=30),
    Group("what it cannot know", "it says that it does not know", None, lambda words: last_turn(unknown(words)), count=30),
)


def questions() -> list[Question]:
    """The same questions every time, each once."""
    found: list[Question] = []
    for group in GROUPS:
        words = Words(random.Random(f"{SEED}/{group.name}"), test=True)
        seen: set[str] = set()
        tries = 0
        while len(seen) < group.count and tries < 20 * group.count:
            tries += 1
            for conversation, turn in group.make(words):
                key = repr((conversation.system_part(), conversation.messages[: turn + 1]))
                if key not in seen and len(seen) < group.count:
                    seen.add(key)
                    found.append(Question(group.name, conversation, turn))
    return found
