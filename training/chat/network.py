"""The network: a small Llama."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    """Sizes of the network, as GGUF names them."""

    vocabulary: int = 3072
    width: int = 256
    layers: int = 5
    heads: int = 4
    head_width: int = 64
    hidden: int = 512
    context: int = 1024
    rope_base: float = 1_000_000.0
    epsilon: float = 1e-5

    def as_json(self) -> dict:
        return asdict(self)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.head_width = shape.heads, shape.head_width
        inside = shape.heads * shape.head_width
        self.query, self.key, self.value = (nn.Linear(shape.width, inside, bias=False) for _ in range(3))
        self.output = nn.Linear(inside, shape.width, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, later: Tensor) -> Tensor:
        batch, length, _ = x.shape
        query, key, value = (part(x).view(batch, length, self.heads, self.head_width).transpose(1, 2) for part in (self.query, self.key, self.value))
        # Written out: on a CPU and at these lengths this is faster than the fused operator.
        scores = (rotate(query, cosine, sine) * key.shape[-1] ** -0.5) @ rotate(key, cosine, sine).transpose(-1, -2)
        mixed = torch.softmax(scores + later, -1).to(value.dtype) @ value
        return self.output(mixed.transpose(1, 2).reshape(batch, length, -1))


class FeedForward(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.attention = Attention(shape)
        self.feed_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.feed = FeedForward(shape)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, later: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x), cosine, sine, later)
        return x + self.feed(self.feed_norm(x))


class Network(nn.Module):
    """Maps token ids [batch, length] to hidden states; `logits` reads them with the embedding's own weights (tied)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, shape.epsilon)
        frequency = shape.rope_base ** (-torch.arange(0, shape.head_width, 2).float() / shape.head_width)
        angle = torch.outer(torch.arange(shape.context).float(), frequency)
        self.register_buffer("cosine", angle.cos(), persistent=False)
        self.register_buffer("sine", angle.sin(), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        later = torch.full((length, length), float("-inf")).triu(1)
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, self.cosine[:length], self.sine[:length], later)
        return self.norm(x)

    def logits(self, hidden: Tensor) -> Tensor:
        return F.linear(hidden, self.embedding.weight)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions over neighbouring pairs, which is llama.cpp's order for `llama`: nothing is permuted on export."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], -1).flatten(-2).to(x.dtype)
