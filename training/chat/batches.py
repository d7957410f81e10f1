"""Conversations packed into rows: none is cut, so that what is asked for always stands in the row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from conversation import encode
from corpus import conversations
from tokenizer import END, Vocabulary


@dataclass(frozen=True)
class Batch:
    """All are [rows, length]; `learned` marks the targets that the assistant says."""

    inputs: Tensor
    targets: Tensor
    learned: Tensor


def batch(vocabulary: Vocabulary, seed: str, mix: tuple, rows: int, length: int) -> Batch:
    """The batch of this seed, whatever was drawn before: a run that is resumed sees what an unbroken one sees.

    Rows are filled greedily, each conversation into the fullest row that still holds it; those longer than a row are left out.
    """
    bins: list[tuple[list[int], list[bool]]] = [([], []) for _ in range(rows)]
    misses = 0
    for conversation in conversations(seed, mix):
        ids, said = encode(vocabulary, conversation)
        fitting = [row for row in bins if len(row[0]) + len(ids) <= length + 1]
        if not fitting:
            misses += 1
            if misses > 8:
                break
            continue
        row = max(fitting, key=lambda row: len(row[0]))
        row[0].extend(ids)
        row[1].extend(said)
    ids = torch.tensor([row[0] + [END] * (length + 1 - len(row[0])) for row in bins])
    learned = torch.tensor([row[1] + [False] * (length + 1 - len(row[1])) for row in bins])
    return Batch(ids[:, :-1], ids[:, 1:], learned[:, 1:])
