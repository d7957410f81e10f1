"""How the weights begin: an induction circuit written in by hand, so that copying from the context need not be discovered."""

import torch
from torch import Tensor

from network import Network

OUTPUT_GAIN = 0.05
FIELD = 40
POINTED = 48
FAST_PAIRS = 8
CONSTANT, LOOK_BACK, WRITE_BACK, VOTE, POINT = 7.5, 1.5, 2.0, 4.0, 2.0
MATCH = (4.0, 4.0, 3.0)


@torch.no_grad()
def initialise(network: Network, random: torch.Generator) -> None:
    """Small random weights, then a circuit written in by hand, after Olsson et al. 2022, *In-context Learning and Induction Heads*.

    The residual stream begins as a constant (coordinate 0), the token, and one field each for the tokens one, two and three back.
    Heads 0 to 2 of layer 0 look that far back (the constant against itself, turned by so many steps of the fast rotary pairs) and
    write a projection of the token there into its field. Heads 0 and 1 of layer 1 look for a position before which the same three
    tokens stand as here (through slow rotary pairs, so that distance hardly matters) and vote for the token found there, in one part
    of the token's coordinates. Heads 0 and 1 of layers 2 and 3 vote, in the other part, for whatever they look at; at what, they learn.
    """
    shape = network.shape
    width, head = shape.width, shape.head_width
    for name, weight in network.named_parameters():
        if weight.ndim == 2:
            weight.normal_(0, 1.0 if name.startswith("embedding") else 0.02, generator=random)
            if name.endswith(("output.weight", "down.weight")):
                weight.mul_(0.5)
    network.norm.weight.fill_(OUTPUT_GAIN)
    fields = [slice(width - (3 - back) * FIELD, width - (2 - back) * FIELD) for back in range(3)]
    token = slice(1, width - 3 * FIELD)
    voted, pointed = slice(1, token.stop - POINTED), slice(token.stop - POINTED, token.stop)
    network.embedding.weight[:, 0] = CONSTANT
    network.embedding.weight[:, token.stop :] = 0

    projection = orthonormal(FIELD, token.stop - 1, random)
    turn = shape.rope_base ** (-torch.arange(0, head, 2).float() / head)[:FAST_PAIRS]
    first = network.layers[0].attention
    for back, field in enumerate(fields):
        rows = slice(back * head, (back + 1) * head)
        for weight, angle in ((first.query.weight[rows], -(back + 1) * turn), (first.key.weight[rows], 0 * turn)):
            weight[:] = 0
            weight[0 : 2 * FAST_PAIRS : 2, 0] = LOOK_BACK * angle.cos()
            weight[1 : 2 * FAST_PAIRS : 2, 0] = LOOK_BACK * angle.sin()
        first.value.weight[rows] = 0
        first.value.weight[rows][:FIELD, token] = projection
        first.output.weight[:, rows] = 0
        first.output.weight[field, rows][:, :FIELD] = WRITE_BACK * torch.eye(FIELD)

    second = network.layers[1].attention
    parts = [slice(0, 14), slice(14, 27), slice(27, FIELD)]
    slow = head - FIELD
    for index in (0, 1):
        rows = slice(index * head, (index + 1) * head)
        query, key = second.query.weight[rows], second.key.weight[rows]
        query[:], key[:] = 0, 0
        for back, (part, strength) in enumerate(zip(parts, MATCH)):
            pairs = slice(slow + part.start, slow + part.stop)
            if back == 0:
                query[pairs, token] = strength * projection[part]
            else:
                query[pairs, fields[back - 1]] = strength * torch.eye(FIELD)[part]
            key[pairs, fields[back]] = strength * torch.eye(FIELD)[part]
        copied = orthonormal(head, voted.stop - 1, random)
        second.value.weight[rows] = 0
        second.value.weight[rows, voted] = copied
        second.output.weight[:, rows] = 0
        second.output.weight[voted, rows] = VOTE * copied.T
        for layer in network.layers[2:4]:
            layer.attention.value.weight[rows] = 0
            layer.attention.value.weight[rows][:POINTED, pointed] = torch.eye(POINTED)
            layer.attention.output.weight[:, rows] = 0
            layer.attention.output.weight[pointed, rows][:, :POINTED] = POINT * torch.eye(POINTED)


def orthonormal(rows: int, columns: int, random: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(columns, rows, generator=random))[0].T.contiguous()
