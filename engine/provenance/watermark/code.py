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


def decoded(values: Floats) -> int:
    """Return the 48 bits whose signs agree best with 192 values of any scale."""
    branches = np.tile(values.reshape(BITS, RATE), (3, 1)) @ _outputs().T  # (144, 512)
    before = (2 * np.arange(_STATES)[:, None] + np.arange(2)) & (_STATES - 1)
    metric = np.zeros(_STATES, np.float32)
    choices = np.empty((3 * BITS, _STATES), np.uint8)
    for at, branch in enumerate(branches):
        ways = metric[before] + branch.reshape(_STATES, 2)
        choices[at] = ways[:, 1] > ways[:, 0]
        metric = np.take_along_axis(ways, choices[at][:, None].astype(np.intp), 1)[:, 0]
    state = int(metric.argmax())
    bits = np.empty(3 * BITS, np.uint8)
    for at in range(3 * BITS - 1, -1, -1):
        bits[at] = state >> (_MEMORY - 1)
        state = (2 * state + int(choices[at, state])) & (_STATES - 1)
    return int("".join(map(str, bits[BITS : 2 * BITS])), 2)
