"""Measures an exported file: right means that greedy decoding gives the expected turn to the last token.

Greedy decoding yields exactly the expected tokens if and only if, with those tokens as context, each of them is the most likely
one: one pass over prompt and answer decides, and nothing need be generated.
"""

from dataclasses import dataclass

import torch

from conversation import body, prompt
from examination import GROUPS, Question
from network import Network
from tokenizer import END, MESSAGE_END, Vocabulary

ROWS = 16


@dataclass(frozen=True)
class Score:
    group: str
    about: str
    least: float | None
    correct: int
    samples: int

    @property
    def share(self) -> float:
        return self.correct / self.samples

    @property
    def passed(self) -> bool:
        return self.least is None or self.share >= self.least


@torch.no_grad()
def right(network: Network, vocabulary: Vocabulary, questions: list[Question]) -> list[bool]:
    """For each question, whether the network would answer exactly as expected."""
    asked = []
    for index, question in enumerate(questions):
        before = prompt(vocabulary, question.conversation, question.turn)
        asked.append((index, before, body(vocabulary, question.expected)))
    asked.sort(key=lambda item: len(item[1]) + len(item[2]))
    verdicts = [False] * len(questions)
    for start in range(0, len(asked), ROWS):
        rows = asked[start : start + ROWS]
        length = max(len(before) + len(answer) for _, before, answer in rows)
        if length > network.shape.context:
            raise SystemExit(f"a question of {length} tokens does not fit the context")
        ids = torch.tensor([[*before, *answer] + [END] * (length - len(before) - len(answer)) for _, before, answer in rows])
        hidden = network(ids)
        for row, (index, before, answer) in enumerate(rows):
            said = network.logits(hidden[row, len(before) - 1 : len(before) + len(answer) - 1]).argmax(-1)
            verdicts[index] = said.tolist() == answer
    return verdicts


def scores(questions: list[Question], verdicts: list[bool]) -> list[Score]:
    found = []
    for group in GROUPS:
        marks = [verdict for question, verdict in zip(questions, verdicts) if question.group == group.name]
        found.append(Score(group.name, group.about, group.least, sum(marks), len(marks)))
    return found


@torch.no_grad()
def generate(network: Network, vocabulary: Vocabulary, ids: list[int], most: int = 120) -> list[int]:
    """Greedy decoding without a cache: for examples, not for speed."""
    said: list[int] = []
    while len(said) < most and len(ids) + len(said) < network.shape.context:
        id = int(network.logits(network(torch.tensor([[*ids, *said]]))[0, -1:]).argmax())
        said.append(id)
        if id in (END, MESSAGE_END):
            break
    return said
