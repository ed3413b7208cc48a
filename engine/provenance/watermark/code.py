"""The words of the invisible mark: 48 bits as 192 signs that may be read through much noise. Pure.

A tail-biting convolutional code of rate 1/4 and constraint length 9; generators 463, 535, 733, 745 (octal),
free distance 24: K. J. Larsen, "Short convolutional codes with maximal free distance for rates 1/2, 1/3, and
1/4", IEEE Transactions on Information Theory 19 (1973). Read by the Viterbi algorithm, three times round.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

BITS = 48
RATE = 4
SIGNS = BITS * RATE
HEAD = 24
"""Bits that a host knows before it reads: the version and its own number."""
_GENERATORS = (0o463, 0o535, 0o733, 0o745)
_MEMORY = 8
_STATES = 1 << _MEMORY


@functools.cache
def _outputs() -> Floats:
    """Return the signs (512, 4) that each content of the register sends; the newest bit is the highest."""
    register = np.arange(2 * _STATES)
    taps = [[(value & generator).bit_count() & 1 for generator in _GENERATORS] for value in register.tolist()]
    return (1 - 2 * np.array(taps)).astype(np.float32)


def encoded(payload: int) -> Floats:
    """Return the 192 signs (±1) of 48 bits; the first bit sent is the highest. Raises ValueError beyond."""
    if not 0 <= payload < 1 << BITS:
        raise ValueError(payload)
    bits = [payload >> (BITS - 1 - at) & 1 for at in range(BITS)]
    state = 0
    for bit in bits[-_MEMORY:]:  # the register begins as it ends
        state = (bit << _MEMORY | state) >> 1
    signs = []
    for bit in bits:
        register = bit << _MEMORY | state
        signs.append(_outputs()[register])
        state = register >> 1
    return np.concatenate(signs)


def decoded(values: Floats, head: int | None = None) -> int:
    """Return the 48 bits whose signs agree best with 192 values of any scale.

    ``head``: the first 24 bits, where they are known: then only words that begin so are looked through.
    """
    branches = values.reshape(BITS, RATE) @ _outputs().T  # (48, 512)
    if head is None:
        start = np.zeros(_STATES, np.float32)
        bits = _best(np.tile(branches, (3, 1)), start, None)[BITS : 2 * BITS]
        return int("".join(map(str, bits)), 2)
    # from behind the known bits once round to their first eight: the state is known at both ends
    start = np.full(_STATES, -np.inf, np.float32)
    start[_turned(head & _STATES - 1)] = 0
    order = [*range(HEAD, BITS), *range(_MEMORY)]
    bits = _best(branches[order], start, _turned(head >> HEAD - _MEMORY))[: BITS - HEAD]
    return head << BITS - HEAD | int("".join(map(str, bits)), 2)


def _turned(byte: int) -> int:
    """Return the state of the register after eight bits, the first of them the highest of a byte."""
    return int(f"{byte:08b}"[::-1], 2)


def _best(branches: Floats, metric: Floats, end: int | None) -> list[int]:
    """Return the bits of the best way through, by the Viterbi algorithm.

    ``branches`` (steps, 512): what each content of the register is worth. ``metric`` (256): of each state at
    the start. ``end``: the state at the end, if it is known.
    """
    before = (2 * np.arange(_STATES)[:, None] + np.arange(2)) & (_STATES - 1)
    choices = []
    for branch in branches.reshape(-1, _STATES, 2):
        ways = metric[before] + branch
        choices.append(ways[:, 1] > ways[:, 0])
        metric = ways.max(1)
    state = int(metric.argmax()) if end is None else end
    bits = []
    for choice in reversed(choices):
        bits.append(state >> (_MEMORY - 1))
        state = (2 * state + int(choice[state])) & (_STATES - 1)
    return bits[::-1]
