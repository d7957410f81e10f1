"""The text that the model learns from: an endless, seeded stream of conversations."""

import random
from collections.abc import Callable, Iterator

import phrases
from conversation import Call, Conversation, Message, Tool, assistant, calling, result, user
from copying import echo, extract, look_up, look_ups, recall, receipt, remember
from docs import read, search, search_tool
from knowledge import ENTRIES, FACTS, TERMS, WAYS
from toolbox import ERRANDS, NETWORK, Errand, calculate, model_price, wording
from words import Words

Maker = Callable[[Words], Conversation]


def greet(words: Words) -> Conversation:
    stream = words.stream
    chance = stream.random()
    if words.test or chance < 0.7:
        greeting = stream.choice(phrases.GREETINGS_HELD_OUT if words.test else phrases.GREETINGS)
        return Conversation([user(greeting), assistant(phrases.GREETING_ANSWERS[0])])
    if chance < 0.9:
        return Conversation([user(stream.choice(phrases.THANKS)), assistant(phrases.THANKS_ANSWERS[0])])
    return Conversation([user(stream.choice(phrases.FAREWELLS)), assistant(phrases.FAREWELL_ANSWER)])


def explain(words: Words) -> Conversation:
    entry = words.stream.choice((*ENTRIES, *words.stream.choice((TERMS, WAYS, FACTS))))
    question = entry.held_out if words.test else words.stream.choice(entry.trained)
    return Conversation([user(question), assistant(entry.answer)])


def about_itself(words: Words) -> Conversation:
    entry = words.stream.choice(FACTS)
    return Conversation([user(entry.held_out if words.test else words.stream.choice(entry.trained)), assistant(entry.answer)])


def unknown(words: Words) -> Conversation:
    stream = words.stream
    chance = stream.random()
    if words.test or chance < 0.6:
        return Conversation([user(strange(words)), assistant(phrases.UNKNOWN_ANSWER)])
    if chance < 0.8:
        return Conversation([user(calculate(words).question), assistant(phrases.NO_SUMS)])
    return Conversation([user(draw(words, ERRANDS[1:])(words).question), assistant(phrases.NO_TOOL)])


def draw(words: Words, weighted: tuple) -> Callable:
    makers, weights = zip(*weighted)
    return words.stream.choices(makers, weights)[0]


def offer(words: Words, wanted: list[Tool], without: str = "") -> list[Tool]:
    """The wanted tools among up to three others, in any order; never two that do the same. `without` keeps one kind away."""
    tools = {parameters_of(tool): tool for tool in wanted}
    for _ in range(words.stream.choice((0, 0, 1, 1, 2, 3))):
        maker = draw(words, (*ERRANDS, (search, 4)))
        other = search_tool(words) if maker is search else maker(words).tool
        same = parameters_of(other) in tools or any(tool.name == other.name for tool in tools.values())
        if maker.__name__ != without and not same:
            tools[parameters_of(other)] = other
    return words.stream.sample(list(tools.values()), len(tools))


def parameters_of(tool: Tool) -> str:
    """Tells kinds of tools apart: two tools that take the same may do the same, whatever they are called, unless the name says what of."""
    taken = ",".join(tool.parameters)
    return tool.name if taken == "model" or taken not in ("expression", "query", "receipt", "account", "") else taken


def run_errand(words: Words) -> Conversation:
    """One to three errands, one after the other, with the same tools."""
    tools: list[Tool] = []
    messages: list[Message] = []
    for _ in range(words.stream.choice((1, 1, 2, 3))):
        errand: Errand = draw(words, ERRANDS)(words)
        if any(parameters_of(tool) == parameters_of(errand.tool) for tool in tools):
            continue
        found, reply = errand.result, errand.reply
        if words.stream.random() < 0.03:
            reason = words.stream.choice(("no such model", "not found", "unknown account", "the service does not answer", "wrong input", f"no {words.thing()}"))
            found, reply = f"error: {reason}", f"That did not work: {reason}."
        tools.append(errand.tool)
        messages += [user(errand.question), calling(errand.call()), result(found), assistant(reply)]
    return Conversation(messages, tools=offer(words, tools))


def run_search(words: Words) -> Conversation:
    tool, question, call, found, reply = search(words)
    return Conversation([user(question), calling(call), result(found), assistant(reply)], tools=offer(words, [tool], without="search"))


def run_two(words: Words) -> Conversation:
    """Two questions at once: two calls in one turn, two results, one answer."""
    maker = words.stream.choice(NETWORK[:3])
    first, second = maker(words), maker(words)
    if maker is model_price:
        question = words.stream.choice(("What do {a} and {b} cost?", "Compare the prices of {a} and {b}.", "Prices of {a} and {b}?")).format(
            a=first.arguments["model"], b=second.arguments["model"]
        )
    else:
        question = f"{first.question} {second.question}"
    second = Errand(first.tool, second.question, second.arguments, second.result, second.reply)
    messages = [user(question), calling(first.call(), second.call()), result(first.result), result(second.result), assistant(f"{first.reply} {second.reply}")]
    return Conversation(messages, tools=offer(words, [first.tool]))


def run_chain(words: Words) -> Conversation:
    """The price of several calls: a look-up, then a sum with what it gave."""
    stream = words.stream
    priced, sum_ = model_price(words), calculate(words)
    model, price, calls, total = priced.arguments["model"], words.amount(), stream.randint(2, 500), words.amount()
    question = wording(
        words, ("What do {n} calls of {m} cost?", "How much are {n} calls of {m}?", "Price of {n} calls of {m}?"), "How much do {n} calls of {m} cost?"
    ).format(n=calls, m=model)
    expression = f"{calls} * {price}"
    messages = [
        user(question),
        calling(priced.call()),
        result(f"{price} OPG per call"),
        calling(Call(sum_.tool.name, {"expression": expression})),
        result(total),
        assistant(f"{calls} calls of {model} cost {total} OPG."),
    ]
    return Conversation(messages, tools=offer(words, [priced.tool, sum_.tool]))


def needs_no_tool(words: Words) -> Conversation:
    """Tools are there and none fits: small talk, questions about itself, general questions."""
    maker = draw(words, ((greet, 3), (about_itself, 3), (unknown_general, 3), (look_up, 2), (remember, 1), (echo, 1), (explain, 3)))
    conversation = maker(words)
    conversation.tools = offer(words, [], without="search" if maker in (explain, unknown_general) else "") or [draw(words, ERRANDS)(words).tool]
    return conversation


def unknown_general(words: Words) -> Conversation:
    return Conversation([user(strange(words)), assistant(phrases.UNKNOWN_ANSWER)])


def strange(words: Words) -> str:
    """A question about the world outside the network."""
    if words.test:
        return words.stream.choice(phrases.UNKNOWN_HELD_OUT)
    if words.stream.random() < 0.5:
        return words.stream.choice(phrases.UNKNOWN)
    return words.stream.choice(phrases.STRANGE_STARTS).format(words.stream.choice(phrases.STRANGE_TOPICS))


def lacks_the_tool(words: Words) -> Conversation:
    """Tools are there, but not the one that the question needs."""
    maker = draw(words, ERRANDS[:6])
    reply = phrases.NO_SUMS if maker is calculate else phrases.NO_TOOL
    question = maker(words).question
    tools = offer(words, [], without=maker.__name__) or [draw(words, ERRANDS[6:])(words).tool]
    return Conversation([user(question), assistant(reply)], tools=tools)


COPYING: tuple[tuple[Maker, int], ...] = ((echo, 8), (recall, 12), (look_up, 16), (remember, 5), (receipt, 4), (extract, 6), (read, 7))
TALKING: tuple[tuple[Maker, int], ...] = ((greet, 3), (explain, 15), (about_itself, 3), (unknown, 4))
CALLING: tuple[tuple[Maker, int], ...] = ((run_errand, 26), (run_search, 15), (run_two, 3), (run_chain, 3), (needs_no_tool, 9), (lacks_the_tool, 3))
FIRST_MIX = (*((maker, 2 * weight) for maker, weight in COPYING), *TALKING, *((maker, weight // 2 + 1) for maker, weight in CALLING))
MIX = (*((maker, weight // 2 + 1) for maker, weight in COPYING), *TALKING, *CALLING)
LAST_MIX = (*COPYING, *TALKING, *CALLING)
GROWN_MIX = (
    *((echo, 10), (recall, 22), (look_up, 14), (look_ups, 24), (remember, 4), (receipt, 4), (extract, 14), (read, 8)),
    *TALKING,
    *((run_errand, 20), (run_search, 15), (run_two, 9), (run_chain, 3), (needs_no_tool, 12), (lacks_the_tool, 9)),
)
GROWN_LAST_MIX = (
    *((echo, 10), (recall, 16), (look_up, 12), (look_ups, 18), (remember, 4), (receipt, 4), (extract, 14), (read, 8)),
    *TALKING,
    *((run_errand, 34), (run_search, 16), (run_two, 7), (run_chain, 3), (needs_no_tool, 12), (lacks_the_tool, 6)),
)
TALKING_MIX = (*((maker, 5 * weight) for maker, weight in TALKING), *GROWN_LAST_MIX)


def carelessly(words: Words, text: str) -> str:
    """As people type: a greeting before the question, a dropped mark at its end, a small letter at its start."""
    stream = words.stream
    chance = stream.random()
    if chance < 0.4:
        return stream.choice(phrases.OPENERS) + text
    if chance < 0.7:
        return text.rstrip(".?!") or text
    return text[0].lower() + text[1:]


def extend(words: Words, conversation: Conversation) -> Conversation:
    """Small talk or another question before the real one, with the same tools; a system text where there is none."""
    stream = words.stream
    if stream.random() < 0.2 and "Answer in JSON" not in conversation.system:
        earlier: list[Message] = []
        for _ in range(stream.choice((1, 1, 2))):
            maker: Maker = draw(words, ((greet, 3), (explain, 2), (about_itself, 1), (unknown_general, 1), (remember, 1), (echo, 1)))
            if maker is explain and conversation.tools:
                maker = greet
            earlier += maker(words).messages
        conversation.messages = earlier + conversation.messages
    if stream.random() < 0.15:
        turns = [index for index, message in enumerate(conversation.messages) if message.role == "user"]
        conversation.messages[turns[-1]] = user(carelessly(words, conversation.messages[turns[-1]].text))
    if not conversation.system and stream.random() < 0.75:
        conversation.system = stream.choice(phrases.SYSTEMS)
    return conversation


def conversations(seed: str, mix: tuple = MIX) -> Iterator[Conversation]:
    words = Words(random.Random(seed))
    while True:
        yield extend(words, draw(words, mix)(words))
