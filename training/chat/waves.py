"""How a head is made to look at a distance: its score as a sum of waves, one cosine and one sine for each rotary pair."""

import torch
from torch import Tensor

from network import Attention, Shape

CONSTANT, FLAG = 4.0, 2.0
SHIFT, LOOKING_PAIRS, WAVE_PAIRS = 15.0, 5, 16
FURTHEST = 400
NEAR_WEIGHT, FAR_WEIGHT, SMOOTH = 5.0, 0.3, 0.05


def look(attention: Attention, rows: slice, constant: int, wave: Tensor) -> None:
    """A head whose score over the distance is `wave`: a constant of the stream (its coordinate is `constant`) against itself, turned."""
    cosines, sines = wave
    pairs = len(cosines)
    strength = CONSTANT * CONSTANT / attention.head_width**0.5
    attention.query.weight[rows][0 : 2 * pairs : 2, constant] = cosines / strength
    attention.query.weight[rows][1 : 2 * pairs : 2, constant] = -sines / strength
    attention.key.weight[rows][0 : 2 * pairs : 2, constant] = 1.0


def prefer(attention: Attention, rows: slice, constant: int, mark: int, strength: float) -> None:
    """Adds `strength` to the score where the coordinate `mark` is up and takes it where it is down, through a pair so slow that distance does not matter."""
    attention.query.weight[rows][-2, constant] = strength * attention.head_width**0.5 / (CONSTANT * FLAG)
    attention.key.weight[rows][-2, mark] = 1.0


def turns(shape: Shape, pairs: int) -> Tensor:
    return shape.rope_base ** (-torch.arange(0, 2 * pairs, 2).double() / shape.head_width)


def back(shape: Shape) -> Tensor:
    """Waves that meet one token back, less their height there: the peak is nothing, so that the lengths of the keys do not matter."""
    turn = turns(shape, shape.head_width // 2)
    waves = torch.zeros(2, len(turn))
    waves[0, :LOOKING_PAIRS], waves[1, :LOOKING_PAIRS] = SHIFT * turn[:LOOKING_PAIRS].cos(), SHIFT * turn[:LOOKING_PAIRS].sin()
    waves[0, -1] = -SHIFT * LOOKING_PAIRS
    return waves


def decline(slope: float, reach: int, shape: Shape) -> Tensor:
    """Waves whose sum falls by `slope` a token up to `reach` tokens back and stays low beyond: least squares over the distance."""
    far = torch.arange(FURTHEST).double()
    wanted, weight = -slope * far.clamp(max=1.3 * reach), torch.where(far <= reach, NEAR_WEIGHT, FAR_WEIGHT).double()
    angle = torch.outer(far, turns(shape, WAVE_PAIRS))
    waves = torch.cat([angle.cos(), angle.sin()], 1)
    found = torch.linalg.solve((waves * weight[:, None]).T @ waves + SMOOTH * torch.eye(2 * WAVE_PAIRS).double(), (waves * weight[:, None]).T @ wanted)
    return found.view(2, WAVE_PAIRS).float()
