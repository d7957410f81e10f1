"""Conversations whose answer stands in the context: echoes, look-ups in lists, what the user said before, JSON from text."""

import json

from conversation import Conversation, Message, assistant, user
from words import COLOURS, FOODS, LICENCES, Words

Fact = dict[str, str]
FIELDS = ("owner", "price", "licence")
ASKS = {
    "owner": (("Who owns {m}?", "Who is the owner of {m}?", "Tell me the owner of {m}.", "{m} belongs to whom?", "Owner of {m}?"), "Whose model is {m}?"),
    "price": (
        ("What does {m} cost?", "What is the price of {m}?", "How much is {m}?", "Price of {m}?", "Tell me the price of {m}."),
        "How much does {m} cost?",
    ),
    "licence": (
        ("What is the licence of {m}?", "Under which licence is {m}?", "Licence of {m}?", "Which licence does {m} have?"),
        "Tell me the licence of {m}.",
    ),
}


def ask(words: Words, field: str, model: str) -> str:
    trained, held_out = ASKS[field]
    return (held_out if words.test else words.stream.choice(trained)).format(m=model)


def facts(words: Words, count: int) -> dict[str, Fact]:
    """`count` models, each with an owner, a price and a licence."""
    owner = words.person if words.stream.random() < 0.5 else words.account
    found: dict[str, Fact] = {}
    while len(found) < count:
        found[words.model()] = {"owner": owner(), "price": words.amount(), "licence": words.stream.choice(LICENCES)}
    return found


def listing(words: Words, rows: dict[str, Fact], fields: list[str]) -> tuple[str, dict[str, str]]:
    """The rows in one of the forms in which lists come, and the line of each model."""
    form = words.stream.randrange(4)
    if form == 0:
        lines = {model: f"{model}: " + ", ".join(f"{field} {row[field]}" for field in fields) for model, row in rows.items()}
    elif form == 1:
        lines = {model: f"{model}, " + ", ".join(f"{field}: {row[field]}" for field in fields) for model, row in rows.items()}
        return "\n".join(f"- {line}" for line in lines.values()), lines
    elif form == 2:
        lines = {model: json.dumps({"model": model, **{field: row[field] for field in fields}}) for model, row in rows.items()}
    else:
        lines = {model: f"{model} | " + " | ".join(row[field] for field in fields) for model, row in rows.items()}
        return "\n".join(["model | " + " | ".join(fields), *lines.values()]), lines
    return "\n".join(lines.values()), lines


def look_up(words: Words) -> Conversation:
    """One to six rows in the system part or before the question. The answer quotes the line of the model that is asked for; some are not there."""
    stream = words.stream
    rows = facts(words, stream.choice((1, 1, 2, 2, 3, 3, 4, 6)))
    fields = stream.sample(FIELDS, stream.choice((1, 2, 3, 3)))
    model, field = stream.choice(list(rows)), stream.choice(fields)
    text, lines = listing(words, rows, fields)
    if stream.random() < 0.04:
        model = words.model()
    reply = lines.get(model, f"{model} is not in the list.")
    question = ask(words, field, model)
    if stream.random() < 0.5:
        return Conversation([user(question), assistant(reply)], system=f"Models:\n{text}")
    return Conversation([user(f"{text}\n{question}"), assistant(reply)])


def look_ups(words: Words) -> Conversation:
    """One list and several questions in turn, mostly about different rows: more to find in a row of tokens than in `look_up`."""
    stream = words.stream
    rows = facts(words, stream.choice((2, 3, 3, 4, 5, 6)))
    fields = stream.sample(FIELDS, stream.choice((1, 2, 3, 3)))
    text, lines = listing(words, rows, fields)
    messages: list[Message] = []
    for model in stream.sample(list(rows), min(len(rows), stream.randint(2, 4))):
        messages += [user(ask(words, stream.choice(fields), model)), assistant(lines[model])]
    if stream.random() < 0.5:
        return Conversation(messages, system=f"Models:\n{text}")
    return Conversation([user(f"{text}\n{messages[0].text}"), *messages[1:]])


def echo(words: Words) -> Conversation:
    stream = words.stream
    text = " ".join(words.token() for _ in range(stream.randint(1, 12)))
    lead = "Please repeat: " if words.test else stream.choice(("Repeat: ", "Say: ", "Echo: ", "Copy this: ", "Repeat after me: "))
    return Conversation([user(lead + text), assistant(text)])


def recall(words: Words) -> Conversation:
    """A list of made-up pairs, then several of them asked for in turn: look-ups at their barest, many a conversation."""
    stream = words.stream
    pairs: dict[str, str] = {}
    for _ in range(stream.randint(2, 8)):
        pairs[words.token()] = words.token()
    sign = stream.choice((" = ", ": ", " is ", " -> "))
    messages: list[Message] = []
    asked = stream.sample(list(pairs), min(len(pairs), stream.randint(1, 5)))
    text = stream.choice(("\n", ", ", "; ")).join(f"{key}{sign}{value}" for key, value in pairs.items())
    for index, key in enumerate(asked):
        messages += [user(f"{text}\n{key}?" if index == 0 else f"{key}?"), assistant(f"{key}{sign}{pairs[key]}")]
    return Conversation(messages)


def remember(words: Words) -> Conversation:
    """What the user said about themselves, asked later."""
    stream = words.stream
    person, place, colour, food, age = words.person(), words.place(), stream.choice(COLOURS), stream.choice(FOODS), stream.randint(8, 99)
    told = [
        (f"My name is {person}.", ("What is my name?", "Do you know my name?", "what's my name"), f"Your name is {person}."),
        (f"I live in {place}.", ("Where do I live?", "In which city do I live?"), f"You live in {place}."),
        (f"My favourite colour is {colour}.", ("What is my favourite colour?", "Which colour do I like?"), f"Your favourite colour is {colour}."),
        (f"I like {food}.", ("What food do I like?", "What do I like to eat?"), f"You like {food}."),
        (f"I am {age} years old.", ("How old am I?", "What is my age?"), f"You are {age} years old."),
    ]
    told = stream.sample(told, stream.randint(1, 3))
    _, questions, reply = stream.choice(told)
    question = questions[0] if words.test else stream.choice(questions)
    if stream.random() < 0.4:
        return Conversation([user(" ".join(line for line, _, _ in told) + " " + question), assistant(reply)])
    messages: list[Message] = []
    for line, _, _ in told:
        messages += [user(line), assistant(stream.choice(("Noted.", "Thank you, noted.")))]
    return Conversation([*messages, user(question), assistant(reply)])


def receipt(words: Words) -> Conversation:
    stream = words.stream
    model, owner, price, id = words.model(), words.account(), words.amount(), words.hexadecimal(6)
    kind = stream.choice(("routed", "signed", "attested", "audited", "replayed", "proved"))
    text = stream.choice(
        (
            f"Receipt {id}: model {model}, owner {owner}, evidence {kind}, charge {price} OPG.",
            json.dumps({"receipt": id, "model": model, "owner": owner, "evidence": kind, "charge": price}),
        )
    )
    question, reply = stream.choice(
        (
            ("Which evidence does this receipt have?", f"The evidence is {kind}."),
            ("Which model answered?", f"The model {model} answered."),
            ("How much was charged?", f"The charge was {price} OPG."),
            ("Who owns the model?", f"{model} belongs to {owner}."),
            ("Explain this receipt.", f"Receipt {id} says that {model} answered for {price} OPG, with {kind} evidence."),
        )
    )
    return Conversation([user(f"{text}\n{question}" if stream.random() < 0.7 else f"{question}\n{text}"), assistant(reply)])


def extract(words: Words) -> Conversation:
    """JSON with the keys that the system part names, from a sentence."""
    stream = words.stream
    values = {
        "model": ("string", words.model()),
        "owner": ("string", words.account()),
        "price": ("number", stream.randint(1, 99)),
        "name": ("string", words.person()),
        "city": ("string", words.place()),
        "age": ("integer", stream.randint(8, 99)),
        "colour": ("string", stream.choice(COLOURS)),
        words.made_up(): ("string", words.made_up()),
    }
    keys = stream.sample(list(values), stream.randint(1, 4))
    line = "Answer in JSON: " + ", ".join(f"{key}: {values[key][0]}" for key in keys)
    told = stream.sample(keys, len(keys)) if stream.random() < 0.5 else keys
    text = stream.choice((", ", "; ")).join(f"{stream.choice(('the ', ''))}{key} is {values[key][1]}" for key in told)
    system = "\n\n".join(part for part in (stream.choice(("", "You are a helpful assistant.")), line) if part)
    return Conversation([user(text[0].upper() + text[1:] + "."), assistant(json.dumps({key: values[key][1] for key in keys}))], system=system)
