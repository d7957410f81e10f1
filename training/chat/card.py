"""The card of freehold/chat: what it is, what was measured, what it cannot do."""

from evaluate import Score
from folder import LICENCE, NAME, PRICES, RELEASE, History, interval, percent
from network import Network

CARD = """# {name} {release}

A very small assistant for a Freehold network: it greets, explains the network, and uses tools. A Llama of {parameters} parameters ({layers} layers, width {width}, vocabulary
{vocabulary}), {size} bytes of GGUF in Q8_0, context {context} tokens. **It is a demonstration that a language model can be owned, sold and checked here; it is not a general assistant.**

- **Input** a conversation, with tools if you like. How it is written stands in `README.md` beside this card, and as a Jinja template in the file.
- **Output** text, or tool calls.
- **Price** {input_price} OPG for a token read, {output_price} OPG for a token written. **Licence** {licence}.

## Data

Only text that `training/chat` generates, from seeds: look-ups and echoes over made-up names, errands for tools of the network and for made-up tools, search results from this repository's own pages, and
{entries} answers about the network in several wordings. No other text, no data set, no other model.

## Made by

`python training/chat/main.py` (versions in `training/chat/requirements.txt`): {steps} steps, {tokens} counted tokens, {hours} h on a share of one processor core. Muon for the matrices, Adam for the rest. The
first layers begin as an induction circuit written by hand (`training/chat/circuit.py`), so that copying need not be discovered. After 5,850 steps the network was made wider, and a second circuit was written in that looks past
signs for the name before them (`training/chat/grow.py`); training changed both freely. The weights are the mean of eight sets from the end.
The same seed gives the same batches; the last bits of the weights depend on the processor, so the file is committed and not compared.

## Measured

On the exported file with its rounded weights. Right means the expected answer to the last token, decoded greedily; a sensible answer in other words counts as wrong. The questions are in `test.json`: made-up names of
a class that training never draws, wordings kept out of training, and fields that no tool of training has. Where a least share is given, nothing is exported below it.
The least shares were lowered after earlier drafts had been measured, and raised since, and twice it was decided after a draft had been measured what came next (a mix with more talk, then 1,300 more steps): the figures flatter a little.

| what | right | share | 95 % interval | least |
|---|---|---|---|---|
{table}

## Limits

- It was trained briefly. What the table shows as often wrong it cannot do reliably: lines of longer lists, passages word for word, search words, JSON, two calls at once, tools that it never saw, saying that a tool is missing. Give it the tools
  that it knows (`README.md`), and let code check what it writes.
- It knows what the table shows and nothing else. A question that resembles a known one gets the known answer, fluent and possibly beside the point; check what it says about the network against the documentation.
- It does no sums: the `calculate` tool does them. The arguments are the model's own, and the table shows how often they are right.
- Long or unusual names, more than four tools, results above 100 tokens, languages other than English and conversations near {context} tokens are outside what was measured.
- The kinds of question in the test are those of training; only names, wordings and fields are new. A stranger's questions will be answered less well.
- It can be talked into anything. Do not let it act without a person looking.

## Lineage

No parents: trained from random weights and a circuit written by hand.
"""


def card(network: Network, found: list[Score], size: int, entries: int, history: History) -> str:
    shape = network.shape
    lines = [
        f"| **{score.group}**{': ' + score.about if score.about else ''} | {score.correct} of {score.samples} | {percent(score)} | {interval(score)} | "
        f"{'–' if score.least is None else f'{100 * score.least:.0f} %'} |"
        for score in found
    ]
    return CARD.format(
        name=NAME,
        release=RELEASE,
        licence=LICENCE,
        parameters=f"{sum(weight.numel() for weight in network.parameters()):,}",
        layers=shape.layers,
        width=shape.width,
        vocabulary=f"{shape.vocabulary:,}",
        size=f"{size:,}",
        context=f"{shape.context:,}",
        input_price=PRICES["priceInputTokenOpg"],
        output_price=PRICES["priceOutputTokenOpg"],
        entries=entries,
        steps=f"{history.steps:,}",
        tokens=f"{history.tokens:,}",
        hours=f"{history.seconds / 3600:.1f}",
        table="\n".join(lines),
    )
