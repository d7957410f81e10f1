"""Trains the network. A run is named by its folder; the same command on the same folder goes on where a killed run stopped."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from batches import Batch, batch
from circuit import initialise
from corpus import FIRST_MIX, GROWN_LAST_MIX, GROWN_MIX, LAST_MIX, MIX, TALKING_MIX, conversations
from grow import CIRCUIT_LAYERS, grow
from network import Network, Shape
from tokenizer import Vocabulary

VOCABULARY_SAMPLE = 30_000
SAVE_EVERY_S = 120
KEEP_EVERY_STEPS, KEPT = 30, 8
MATRIX_RATE, CIRCUIT_RATE, EMBEDDING_RATE, GAIN_RATE, OUTPUT_GAIN_RATE = 0.016, 0.006, 5e-3, 3e-3, 3e-4
WARM_UP_STEPS = 60
DECAY_SHARE = 0.35
TOKENS_A_STEP = 2048


@dataclass(frozen=True)
class Stage:
    """From which share of the steps on, which mix in rows of which length."""

    begins: float
    mix: tuple
    length: int


STAGES = (Stage(0.0, FIRST_MIX, 256), Stage(0.25, MIX, 384), Stage(0.53, LAST_MIX, 384), Stage(0.85, LAST_MIX, 640))
GROWN_STAGES = (Stage(0.0, GROWN_MIX, 384), Stage(0.25, GROWN_LAST_MIX, 384), Stage(0.5, GROWN_LAST_MIX, 512), Stage(0.765, TALKING_MIX, 384))
GROWN_RATE = 0.4


def vocabulary_of(folder: Path, shape: Shape) -> Vocabulary:
    """The tokenizer of a run, learned from a sample of the corpus at its first start."""
    path = folder / "tokenizer.json"
    if not path.exists():
        sample = conversations("vocabulary")
        texts = (
            "\n".join([conversation.system_part(), *(message.text + "".join(call.text() for call in message.calls) for message in conversation.messages)])
            for conversation, _ in zip(sample, range(VOCABULARY_SAMPLE))
        )
        Vocabulary.learn(texts, shape.vocabulary).save(path)
    return Vocabulary.load(path)


def rate(step: int, steps: int) -> float:
    """Warm-up, then constant, then straight down to a twentieth."""
    left = (steps - step) / (DECAY_SHARE * steps)
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.05, left))


def grown_rate(step: int, steps: int) -> float:
    """After growing: a lower rate, straight down from the beginning."""
    return min((step + 1) / WARM_UP_STEPS, max(0.05, GROWN_RATE * (steps - step) / steps))


def optimisers(network: Network) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, slower for those that begin as a circuit; Adam for the embedding and the gains. Each group keeps its full rate as `full`."""
    inside = list(network.layers.named_parameters())
    circuit = [weight for layer in network.layers[: CIRCUIT_LAYERS if network.shape.heads > Shape().heads else 2] for weight in layer.attention.parameters()]
    others = [weight for _, weight in inside if weight.ndim == 2 and all(weight is not other for other in circuit)]
    return [
        torch.optim.Muon([{"params": circuit, "full": CIRCUIT_RATE}, {"params": others, "full": MATRIX_RATE}], weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(
            [
                {"params": [network.embedding.weight], "full": EMBEDDING_RATE},
                {"params": [weight for _, weight in inside if weight.ndim == 1], "full": GAIN_RATE},
                {"params": [network.norm.weight], "full": OUTPUT_GAIN_RATE},
            ],
            betas=(0.9, 0.95),
            weight_decay=0.0,
        ),
    ]


def loss_of(network: Network, data: Batch) -> torch.Tensor:
    """The mean loss of what the assistant says. Only those positions reach the output matrix, a fifth of the work."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = network.logits(network(data.inputs)[data.learned])
    return F.cross_entropy(logits.float(), data.targets[data.learned])


class Run:
    def __init__(self, folder: Path, shape: Shape, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.seed = folder, seed
        self.vocabulary = vocabulary_of(folder, shape)
        self.step, self.tokens, self.seconds, self.grown = 0, 0, 0.0, 0
        kept = torch.load(self.checkpoint, weights_only=True) if self.checkpoint.exists() else None
        self.network = Network(Shape(**kept["shape"]) if kept else shape)
        self.optimisers = optimisers(self.network)
        if kept is None:
            initialise(self.network, torch.Generator().manual_seed(seed))
            return
        self.network.load_state_dict(kept["network"])
        for optimiser, state in zip(self.optimisers, kept["optimisers"]):
            optimiser.load_state_dict(state)
        self.step, self.tokens, self.seconds, self.grown = kept["step"], kept["tokens"], kept["seconds"], kept.get("grown", 0)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Written beside and renamed, so that a kill leaves the last whole one."""
        state = {
            "network": self.network.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "shape": self.network.shape.as_json(),
            "step": self.step,
            "grown": self.grown,
            "tokens": self.tokens,
            "seconds": self.seconds,
        }
        torch.save(state, self.checkpoint.with_suffix(".new"))
        self.checkpoint.with_suffix(".new").rename(self.checkpoint)

    def keep(self) -> None:
        """Lays the weights aside, and drops the oldest beyond those that `average` takes."""
        kept = self.folder / "kept"
        kept.mkdir(exist_ok=True)
        torch.save(self.network.state_dict(), kept / f"{self.step:06}.pt")
        for old in sorted(kept.glob("*.pt"))[:-KEPT]:
            old.unlink()

    def average(self) -> None:
        """Takes the mean of the weights laid aside last: it answers better than any of them, much as after a long decay of the rate."""
        weights = [torch.load(path, weights_only=True) for path in sorted((self.folder / "kept").glob("*.pt"))]
        if weights:
            self.network.load_state_dict({name: torch.stack([one[name] for one in weights]).mean(0) for name in weights[0]})

    def grow(self, folder: Path) -> None:
        """Begins the run `folder` with this run's mean weights in a wider network. The optimisers begin anew; steps count on."""
        folder.mkdir(parents=True)
        self.average()
        self.network = grow(self.network, self.vocabulary, self.seed)
        self.optimisers = optimisers(self.network)
        self.folder, self.grown = folder, self.step
        self.vocabulary.save(folder / "tokenizer.json")
        self.save()

    def train(self, steps: int) -> None:
        """Goes on until `steps` steps are done in all. A finished run goes on when `steps` grows: the rate rises again, then falls."""
        said, saved = 0.0, time.monotonic()
        while self.step < steps:
            began = time.monotonic()
            done, whole = self.step - self.grown, steps - self.grown
            stage = [stage for stage in (GROWN_STAGES if self.grown else STAGES) if stage.begins <= done / whole][-1]
            factor = (grown_rate if self.grown else rate)(done, whole)
            for optimiser in self.optimisers:
                for group in optimiser.param_groups:
                    group["lr"] = group["full"] * factor
            data = batch(self.vocabulary, f"{self.seed}/{self.step}", stage.mix, TOKENS_A_STEP // stage.length, stage.length)
            loss = loss_of(self.network, data)
            for optimiser in self.optimisers:
                optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            self.step += 1
            self.tokens += data.targets.numel()
            self.seconds += time.monotonic() - began
            said = loss.item() if said == 0 else 0.96 * said + 0.04 * loss.item()
            if self.step % 20 == 0:
                line = {"step": self.step, "tokens": self.tokens, "seconds": round(self.seconds), "rate": round(factor, 3), "assistant": round(said, 4)}
                print(json.dumps(line), flush=True)
            if self.step % KEEP_EVERY_STEPS == 0:
                self.keep()
            if time.monotonic() - saved > SAVE_EVERY_S:
                self.save()
                saved = time.monotonic()
        self.save()
