"""Byte-level BPE whose merges never touch JSON punctuation or a space.

JSON punctuation: a grammar can end a string or an object after any token. Space: a name is the same tokens after a space, a quote
or a line break, so that copying it is copying tokens, which is what so small a model can do.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>")
END, MESSAGE, MESSAGE_END, CALL, CALL_END = range(len(CONTROL))
ALONE = r'[ {}\[\]",:\\]'


def pre_tokenizer(isolate: bool = False) -> pre_tokenizers.PreTokenizer:
    """What llama.cpp calls `smollm`: digits one by one, then GPT-2's words. Only learning also sets apart what must stay alone."""
    steps = [pre_tokenizers.Split(Regex(ALONE), "isolated")] if isolate else []
    return pre_tokenizers.Sequence([*steps, pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])


class Vocabulary:
    """Text to ids and back. Control tokens have ids but no spelling: text never yields them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.encode = lru_cache(maxsize=20_000)(self.encode_once)

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> "Vocabulary":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizer(isolate=True)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=size - len(CONTROL), initial_alphabet=alphabet, min_frequency=2, show_progress=False)
        tokenizer.train_from_iterator(texts, trainer)
        tokenizer.pre_tokenizer = pre_tokenizer()
        return cls(tokenizer)

    @classmethod
    def of(cls, tokens: list[str], merges: list[str]) -> "Vocabulary":
        """From the two lists that GGUF keeps."""
        ids = {token: id for id, token in enumerate(tokens[len(CONTROL) :])}
        tokenizer = Tokenizer(models.BPE(vocab=ids, merges=[tuple(merge.split(" ")) for merge in merges]))
        tokenizer.pre_tokenizer = pre_tokenizer()
        tokenizer.decoder = decoders.ByteLevel()
        return cls(tokenizer)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        return cls(Tokenizer.from_file(str(path)))

    def save(self, path: Path) -> None:
        self.tokenizer.save(str(path))

    def encode_once(self, text: str) -> tuple[int, ...]:
        return tuple(id + len(CONTROL) for id in self.tokenizer.encode(text).ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Text with control tokens spelled out, as a person reads it."""
        parts: list[str] = []
        plain: list[int] = []
        for id in [*ids, END]:
            if id >= len(CONTROL):
                plain.append(id - len(CONTROL))
                continue
            parts.append(self.tokenizer.decode(plain))
            parts.append(CONTROL[id])
            plain = []
        return "".join(parts[:-1])

    @property
    def tokens(self) -> list[str]:
        """Every token as GGUF spells it, in the order of the ids."""
        learned = sorted(self.tokenizer.get_vocab().items(), key=lambda item: item[1])
        return [*CONTROL, *(token for token, _ in learned)]

    def merges(self) -> list[str]:
        """The merges in the order of their rank, as GGUF spells them."""
        rules = json.loads(self.tokenizer.to_str())["model"]["merges"]
        return [rule if isinstance(rule, str) else " ".join(rule) for rule in rules]
