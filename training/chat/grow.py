"""Widens a trained network and writes in a second circuit: which name stands before a sign that is the same in every line."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from batches import batch
from circuit import orthonormal
from corpus import GROWN_MIX
from network import Layer, Network, Shape
from tokenizer import CONTROL, Vocabulary
from waves import CONSTANT, FLAG, back, decline, look, prefer

MORE_WIDTH, MORE_HEADS = 64, 2
SMALL_WORDS = ("is", "the", "The", "a", "A", "of", "and")
NEAREST, NEAREST_SLOPE, NEAREST_REACH = 1.5, 2.5, 16
BAG, BAG_SLOPE, BAG_REACH = 1.0, 0.2, 48
ROW_SLOPE, ROW_REACH = 0.1, 96
CONTENT, SLASH, CANDIDATE = 25.0, 25.0, 4.0
MATCH, ROW, VOTE, SLOW = 6.0, 6.0, 5.0, 24
WHITE_RIDGE, COPY_RIDGE, BLUR = 0.05, 0.005, 0.02
SAMPLE_ROWS, SAMPLE_LENGTH = 16, 384
CIRCUIT_LAYERS = 3


@dataclass(frozen=True)
class Places:
    """Where things stand in the new part of the stream."""

    first: int

    size = (MORE_WIDTH - 3) // 3

    @property
    def constant(self) -> int:
        return self.first

    @property
    def content(self) -> int:
        return self.first + 1

    @property
    def slash(self) -> int:
        return self.first + 2

    def field(self, number: int) -> slice:
        """0: what stands at or before a token, 1: what stood before the token, 2: what the line is called."""
        begin = self.first + 3 + number * self.size
        return slice(begin, begin + self.size)


def grown_shape(shape: Shape) -> Shape:
    return replace(shape, width=shape.width + MORE_WIDTH, heads=shape.heads + MORE_HEADS)


@torch.no_grad()
def grow(old: Network, vocabulary: Vocabulary, seed: int) -> Network:
    """The same function in a wider network, then circuits in what is new.

    What fails in the first network is the token after a sign: its heads look three tokens back, and see a sign (` -> `, `": "`) that is
    the same in every line. The stream grows by a constant, two flags (content: neither space nor punctuation nor a small word; a slash) and
    three fields of hashes. In layer 0 one new head writes the hash of the nearest content into field 0, the other a mean of the content a
    little before, turned so that the two do not mix. In layer 1 the first new head carries field 0 one token on, into field 1; the second
    copies field 0 of the last slash, which is the owner of the model whose line this is, into field 2. The two new heads of layer 2 look for
    content before which the same stands as before the token to come, in a line of the same name, and vote for it, each in half of the
    token's coordinates. The other new heads begin at random and say nothing.
    """
    random = torch.Generator().manual_seed(seed)
    before = old.shape
    network = widened(old)
    places = Places(before.width)
    content = mark(old, network, vocabulary, places)
    sample = batch(vocabulary, f"grow/{seed}", GROWN_MIX, SAMPLE_ROWS, SAMPLE_LENGTH).inputs
    head, begin = before.head_width, before.heads * before.head_width
    rows = [slice(begin + index * head, begin + (index + 1) * head) for index in range(MORE_HEADS)]
    eye, mix = torch.eye(places.size), orthonormal(places.size, places.size, random)
    later = torch.full((SAMPLE_LENGTH, SAMPLE_LENGTH), float("-inf")).triu(1)
    turned = old.cosine[:SAMPLE_LENGTH], old.sine[:SAMPLE_LENGTH], later

    x, wide = old.embedding(sample), network.embedding(sample)
    for index, (layer, wider) in enumerate(zip(old.layers, network.layers)):
        # The gains: the old part is as before on average, the new part comes through unscaled.
        wider.attention_norm.weight[: before.width] = layer.attention_norm.weight * scale(wide) / scale(x)
        wider.attention_norm.weight[before.width :] = scale(wide)
        y = wider.attention_norm(wide)
        if index == 0:
            code = whitened(layer.attention_norm(old.embedding.weight[content]), places.size, random)
            gather(wider, rows[0], code, NEAREST * eye, decline(NEAREST_SLOPE, NEAREST_REACH, before), places)
            gather(wider, rows[1], code, BAG * mix, decline(BAG_SLOPE, BAG_REACH, before), places)
        elif index == 1:
            carry(wider, rows[0], back(before), 1, places)
            carry(wider, rows[1], decline(ROW_SLOPE, ROW_REACH, before), 2, places)
            prefer(wider.attention, rows[1], places.constant, places.slash, SLASH)
        elif index == 2:
            match(wider, rows, copier(y, sample, old.embedding.weight, MORE_HEADS * head), places)
        else:
            for part in (part for some in rows for part in (wider.attention.query.weight[some], wider.attention.key.weight[some], wider.attention.value.weight[some])):
                part[:] = BLUR * torch.randn(part.shape, generator=random)
        middle = x + layer.attention(layer.attention_norm(x), *turned)
        middle_wide = wide + wider.attention(y, *turned)
        # From the votes on the old part changes on purpose: its gain is that of a stream without them.
        ratio = scale(middle_wide) / scale(middle) if index < CIRCUIT_LAYERS - 1 else (before.width / network.shape.width) ** 0.5
        wider.feed_norm.weight[: before.width] = layer.feed_norm.weight * ratio
        wider.feed_norm.weight[before.width :] = scale(middle_wide)
        x, wide = layer(x, *turned), wider(wide, *turned)
        if index >= CIRCUIT_LAYERS - 1:
            wide = torch.cat([x, wide[..., before.width :]], -1)
    network.norm.weight[: before.width] = old.norm.weight * scale(wide) / scale(x)
    return network


def scale(x: Tensor) -> Tensor:
    return x.pow(2).mean(-1).sqrt().mean()


def widened(old: Network) -> Network:
    """The old weights in the corner of the new ones, nothing elsewhere."""
    network = Network(grown_shape(old.shape))
    theirs = dict(old.named_parameters())
    for name, weight in network.named_parameters():
        weight.zero_()
        weight[tuple(slice(0, size) for size in theirs[name].shape)] = theirs[name]
    return network


def mark(old: Network, network: Network, vocabulary: Vocabulary, places: Places) -> Tensor:
    """Constant and flags beside each token, as long as the token's own part is, so that the first norm makes them equal. Gives which tokens are content."""
    spelled = [vocabulary.decode([id]) if id >= len(CONTROL) else "" for id in range(old.shape.vocabulary)]
    content = torch.tensor([any(sign.isalnum() for sign in text) and text not in SMALL_WORDS for text in spelled])
    slash = torch.tensor([text == "/" for text in spelled])
    lengths = old.embedding.weight.pow(2).mean(-1, keepdim=True).sqrt()
    marks = [torch.full_like(lengths[:, 0], CONSTANT), torch.where(content, FLAG, -FLAG), torch.where(slash, 2 * FLAG, 0.0)]
    network.embedding.weight[:, places.constant : places.slash + 1] = torch.stack(marks, 1) * lengths / lengths.mean()
    return content


def gather(layer: Layer, rows: slice, code: Tensor, output: Tensor, wave: Tensor, places: Places) -> None:
    """A head that writes the code of content, the nearer the more."""
    attention = layer.attention
    look(attention, rows, places.constant, wave)
    prefer(attention, rows, places.constant, places.content, CONTENT)
    attention.value.weight[rows][: places.size, : places.first] = code
    attention.output.weight[places.field(0), rows][:, : places.size] = output


def carry(layer: Layer, rows: slice, wave: Tensor, number: int, places: Places) -> None:
    """A head that copies field 0 from where it looks into another field."""
    attention = layer.attention
    look(attention, rows, places.constant, wave)
    attention.value.weight[rows][: places.size, places.field(0)] = torch.eye(places.size)
    attention.output.weight[places.field(number), rows][:, : places.size] = torch.eye(places.size)


def match(layer: Layer, heads: list[slice], vote: tuple[Tensor, Tensor], places: Places) -> None:
    """Heads that look for content with this name before it, in a line of this name, and vote for it."""
    attention = layer.attention
    same = slice(SLOW, SLOW + places.size)
    line = slice(same.stop, attention.head_width - 2)
    for number, rows in enumerate(heads):
        for part, field in ((attention.query, places.field(0)), (attention.key, places.field(1))):
            part.weight[rows][same, field] = MATCH * torch.eye(places.size)
            part.weight[rows][line, places.field(2)] = ROW * torch.eye(places.size)[: line.stop - line.start]
        prefer(attention, rows, places.constant, places.content, CANDIDATE)
        attention.value.weight[rows] = vote[0][number :: len(heads)]
        attention.output.weight[: places.first, rows] = VOTE * vote[1][:, number :: len(heads)]


def whitened(tokens: Tensor, size: int, random: torch.Generator) -> Tensor:
    """A projection under which the codes of these tokens have a mean of nothing, a length of about one, and no direction in common."""
    middle = tokens.mean(0)
    around = tokens - middle
    values, vectors = torch.linalg.eigh(around.T @ around / len(tokens) + WHITE_RIDGE * torch.eye(tokens.shape[1]))
    white = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    white = white - torch.outer(white @ middle, middle) / middle.dot(middle)
    code = orthonormal(size, tokens.shape[1], random) @ white
    return code / (tokens @ code.T).pow(2).sum(-1).mean().sqrt()


def copier(y: Tensor, ids: Tensor, embedding: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The linear map of this rank that best tells the token's own embedding (less the mean) from the stream where it stands, in two factors."""
    inputs, targets = y.reshape(-1, y.shape[-1]).double(), (embedding - embedding.mean(0))[ids.reshape(-1)].double()
    solved = torch.linalg.solve(inputs.T @ inputs + len(inputs) * COPY_RIDGE * torch.eye(inputs.shape[1]).double(), inputs.T @ targets)
    left, strength, right = torch.linalg.svd(solved, full_matrices=False)
    root = strength[:rank].sqrt()
    return (left[:, :rank] * root).T.float(), (right[:rank].T * root).float()
