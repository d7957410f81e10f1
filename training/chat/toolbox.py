"""The tools that the model practises with: those of the network, and made-up ones that it can only know from their line."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from conversation import Call, Tool
from words import FOODS, Words


@dataclass(frozen=True)
class Errand:
    """One use of a tool: the question, the call, what the tool answers, and what the assistant makes of it."""

    tool: Tool
    question: str
    arguments: dict
    result: str
    reply: str

    def call(self) -> Call:
        return Call(self.tool.name, self.arguments)


def wording(words: Words, trained: tuple[str, ...], held_out: str) -> str:
    return held_out if words.test else words.stream.choice(trained)


def described(words: Words, names: tuple[str, ...], parameters: dict[str, str], descriptions: tuple[str, ...]) -> Tool:
    """The recommended line most of the time (and in the test), otherwise another name or description."""
    if words.test or words.stream.random() < 0.75:
        return Tool(names[0], parameters, descriptions[0])
    return Tool(words.stream.choice(names), parameters, words.stream.choice((*descriptions, "")))


def plain_or_json(words: Words, value: str, **fields: str) -> str:
    return value if words.stream.random() < 0.5 else json.dumps(fields)


def calculate(words: Words) -> Errand:
    stream = words.stream
    a, b, c = stream.randint(2, 999), stream.randint(2, 99), stream.randint(2, 99)
    if stream.random() < 0.3:
        a, b = stream.randint(100, 99999), stream.randint(100, 9999)
    price = words.amount()
    sign = stream.choice("+-*/")
    asked, expression = stream.choice(
        [(f"{a} {sign} {b}", f"{a} {sign} {b}")] * 4
        + [
            (f"{a}{sign}{b}", f"{a} {sign} {b}"),
            (f"({a} + {b}) * {c}", f"({a} + {b}) * {c}"),
            (f"{a} + {b} + {c}", f"{a} + {b} + {c}"),
            (f"{a} * {b} - {c}", f"{a} * {b} - {c}"),
        ]
        + [(f"{a} plus {b}", f"{a} + {b}"), (f"{a} minus {b}", f"{a} - {b}"), (f"{a} times {b}", f"{a} * {b}"), (f"{a} divided by {b}", f"{a} / {b}")]
        + [
            (f"{b} percent of {a}", f"{a} * {b} / 100"),
            (f"{b} % of {a}", f"{a} * {b} / 100"),
            (f"{price} * {b}", f"{price} * {b}"),
            (f"{price} + {words.amount()}", ""),
        ]
    )
    expression = expression or asked
    question = wording(
        words,
        ("What is {x}?", "{x}", "{x} = ?", "How much is {x}?", "Calculate {x}.", "Work out {x}.", "what is {x}", "Compute {x}", "Tell me {x}.", "I need {x}."),
        "Can you calculate {x}?",
    ).format(x=asked)
    chance = stream.random()
    if chance < 0.08:
        question, expression = (
            wording(words, (f"Add {a} and {b}.", f"Add {a} to {b}", f"What is the sum of {a} and {b}?"), f"Please add {a} and {b}."),
            f"{a} + {b}",
        )
    elif chance < 0.14:
        question, expression = wording(words, (f"Multiply {a} by {b}.", f"What is the product of {a} and {b}?"), f"Please multiply {a} by {b}."), f"{a} * {b}"
    elif chance < 0.2:
        question, expression = f"How much are {b} calls at {price} OPG each?", f"{b} * {price}"
    value = str(stream.choice((words.number(), words.amount(), stream.randint(1000, 9_999_999))))
    tool = described(
        words,
        ("calculate", "calc", "calculator", "evaluate", "math"),
        {"expression": "string"},
        ("Work out a sum.", "Evaluate an arithmetic expression.", "Calculate.", "Calculator for sums."),
    )
    return Errand(tool, question, {"expression": expression}, plain_or_json(words, value, result=value), f"{expression} = {value}.")


def model_price(words: Words) -> Errand:
    model, price = words.model(), f"{words.amount()} OPG per call"
    question = wording(
        words,
        (
            "What does {m} cost?",
            "What is the price of {m}?",
            "How much is {m}?",
            "Price of {m}?",
            "Tell me the price of {m}.",
            "How expensive is {m}?",
            "what does {m} cost",
            "How much must I pay for {m}?",
        ),
        "How much does {m} cost?",
    ).format(m=model)
    tool = described(
        words,
        ("model_price", "get_price", "price", "lookup_price"),
        {"model": "string"},
        ("Price of a model.", "Look up what a model costs.", "Get the price of a model."),
    )
    return Errand(tool, question, {"model": model}, plain_or_json(words, price, model=model, price=price), f"{model} costs {price}.")


def model_owner(words: Words) -> Errand:
    model, owner = words.model(), words.account()
    question = wording(
        words,
        ("Who owns {m}?", "Who is the owner of {m}?", "Whose model is {m}?", "Owner of {m}?", "To whom does {m} belong?", "who owns {m}"),
        "Tell me who owns {m}.",
    ).format(m=model)
    tool = described(words, ("model_owner", "get_owner", "owner_of"), {"model": "string"}, ("Owner of a model.", "Look up who owns a model."))
    return Errand(tool, question, {"model": model}, plain_or_json(words, owner, model=model, owner=owner), f"{model} belongs to {owner}.")


def list_models(words: Words) -> Errand:
    names = ", ".join(words.model() for _ in range(words.stream.randint(1, 4)))
    question = wording(
        words,
        ("Which models are there?", "List the models.", "What models can I use?", "Show me the models.", "list models", "Which models can I ask?"),
        "What models are there?",
    )
    tool = described(words, ("list_models", "models", "get_models"), {}, ("List the models.", "All models of the network."))
    return Errand(tool, question, {}, names, f"The models are {names}.")


def verify_receipt(words: Words) -> Errand:
    id = words.hexadecimal(words.stream.choice((6, 8))) if words.stream.random() < 0.8 else "0x" + words.hexadecimal(8)
    verdict = words.stream.choice(("good", "altered", "not anchored yet", "unknown", "genuine"))
    question = wording(
        words,
        ("Verify receipt {r}.", "Is receipt {r} good?", "Check receipt {r}.", "Is the receipt {r} genuine?", "Please verify the receipt {r}.", "verify {r}"),
        "Can you check receipt {r}?",
    ).format(r=id)
    tool = described(words, ("verify_receipt", "check_receipt", "verify"), {"receipt": "string"}, ("Check a receipt.", "Verify a receipt."))
    return Errand(tool, question, {"receipt": id}, plain_or_json(words, verdict, receipt=id, verdict=verdict), f"Receipt {id} is {verdict}.")


def balance(words: Words) -> Errand:
    account, amount = words.account(), f"{words.amount()} OPG"
    question = wording(
        words,
        ("What is the balance of {a}?", "How much does {a} have?", "Balance of {a}?", "How many OPG has {a}?", "Show the balance of {a}.", "How rich is {a}?"),
        "How much OPG does {a} have?",
    ).format(a=account)
    tool = described(
        words, ("balance", "get_balance", "account_balance"), {"account": "string"}, ("Balance of an account.", "Look up the balance of an account.")
    )
    return Errand(tool, question, {"account": account}, plain_or_json(words, amount, account=account, balance=amount), f"{account} has {amount}.")


FIELDS = """weather temperature population capital phone email address age birthday salary status rating author title colour size weight height speed score
rank deadline stock colour language currency distance duration version team manager room floor shelf batch""".split()
FIELDS_HELD_OUT = "altitude mileage postcode forecast volume nickname supplier voltage".split()
KINDS = "city person item order book company country ticket train product room customer team project user place".split()


def field_of(words: Words) -> Errand:
    """`get_FIELD(KIND)`: half of the fields are made-up words, so the line of the tool must be read."""
    stream = words.stream
    if stream.random() < 0.5:
        field = words.made_up()
    else:
        field = stream.choice(FIELDS_HELD_OUT if words.test else FIELDS)
    kind = stream.choice(KINDS)
    thing = stream.choice(
        (words.person, words.place, words.thing, words.made_up, words.model, lambda: words.hexadecimal(6), lambda: f"{words.thing()}-{stream.randint(1, 99)}")
    )()
    name = stream.choice((f"get_{field}", f"get_{field}", f"{field}", f"lookup_{field}", f"find_{field}", f"{field}_of", f"{kind}_{field}"))
    description = stream.choice(
        (f"Get the {field} of a {kind}.", f"{field.capitalize()} of a {kind}.", f"Look up the {field} of a {kind}.", f"Find the {field}.", "")
    )
    question = wording(
        words,
        (
            "What is the {f} of {t}?",
            "Tell me the {f} of {t}.",
            "{F} of {t}?",
            "What {f} does {t} have?",
            "Look up the {f} of {t}.",
            "what is the {f} of {t}",
            "I need the {f} of {t}.",
            "What is the {f} in {t}?",
        ),
        "Find the {f} of {t}.",
    ).format(f=field, F=field.capitalize(), t=thing)
    value = stream.choice((words.made_up, words.person, lambda: str(words.number()), words.amount, words.thing, words.place, lambda: stream.choice(FOODS)))()
    result = value if stream.random() < 0.5 else json.dumps(stream.choice(({field: value}, {kind: thing, field: value}, {"result": value}, {"value": value})))
    return Errand(Tool(name, {kind: "string"}, description), question, {kind: thing}, result, f"The {field} of {thing} is {value}.")


def action(words: Words) -> Errand:
    """Tools that do something, with several parameters of several types."""
    stream = words.stream
    text = " ".join(stream.choice((words.thing, words.made_up))() for _ in range(stream.randint(1, 4)))
    number, person, verb = stream.randint(1, 240), words.person(), words.made_up()
    language = stream.choice(("en", "fr", "de", "es"))
    switch = stream.choice(("on", "off"))
    key, other = words.made_up(), words.made_up()
    tool, question, arguments = stream.choice(
        (
            (Tool("send_message", {"to": "string", "text": "string"}, "Send a message."), f"Send {person} the message: {text}", {"to": person, "text": text}),
            (Tool("set_timer", {"minutes": "integer"}, "Set a timer."), f"Set a timer for {number} minutes.", {"minutes": number}),
            (Tool("add_note", {"text": "string"}, "Write a note."), f"Write a note: {text}", {"text": text}),
            (
                Tool("translate", {"text": "string", "language": "en|fr|de|es"}, "Translate a text."),
                f"Translate to {language}: {text}",
                {"text": text, "language": language},
            ),
            (
                Tool("switch_light", {"room": "string", "state": "on|off"}, "Switch a light."),
                f"Switch {switch} the light in {text}.",
                {"room": text, "state": switch},
            ),
            (
                Tool("book_table", {"name": "string", "people": "integer"}, "Book a table."),
                f"Book a table for {number} people, name {person}.",
                {"name": person, "people": number},
            ),
            (Tool(verb, {key: "string"}, f"{verb.capitalize()} something."), f"{verb.capitalize()} {text}.", {key: text}),
            (Tool(f"{verb}_{other}", {key: "integer"}, f"{verb.capitalize()} the {other}."), f"{verb.capitalize()} the {other} with {number}.", {key: number}),
            (Tool("transfer", {"to": "string", "amount": "number"}, "Send OPG."), f"Send {number} OPG to {person}.", {"to": person, "amount": number}),
        )
    )
    result = stream.choice(("done", "ok", "sent", "saved", words.made_up()))
    return Errand(tool, question, arguments, result, f"Done: {result}.")


ERRANDS: tuple[tuple[Callable[[Words], Errand], int], ...] = (
    (calculate, 8),
    (model_price, 5),
    (model_owner, 3),
    (list_models, 1),
    (verify_receipt, 3),
    (balance, 3),
    (field_of, 8),
    (action, 4),
)
NETWORK = (calculate, model_price, model_owner, list_models, verify_receipt, balance)
