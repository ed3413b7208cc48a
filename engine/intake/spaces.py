"""Colour spaces that a file names by numbers (PNG's cHRM, gAMA and cICP), brought into sRGB."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Curve = Callable[[float], float]
Primaries = tuple[float, ...]
"""x and y of white, red, green and blue, in the order of cHRM."""
Matrix = npt.NDArray[np.float64]

_D65 = (0.3127, 0.329)
_C = (0.310, 0.316)
SRGB: Primaries = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_SMPTE_170M: Primaries = (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07)
PRIMARIES: dict[int, Primaries] = {
    1: SRGB,
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
"""ColourPrimaries of ITU-T H.273, table 2. The XYZ of 10 are no colours of a screen."""


def power(exponent: float) -> Curve:
    """Return the curve of a plain power."""
    return lambda value: float(value**exponent)


def srgb_light(value: float) -> float:
    """Return the light of a number in sRGB (IEC 61966-2-1), 0 … 1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def srgb_number(light: float) -> float:
    """Return the number of a light in sRGB, 0 … 1."""
    return 12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _smpte_240m(value: float) -> float:
    return value / 4 if value < 4 * 0.0228 else float(((value + 0.1115) / 1.1115) ** (1 / 0.45))


_SCREEN = power(2.4)
CURVES: dict[int, Curve] = {
    1: _SCREEN,
    4: power(2.2),
    5: power(2.8),
    6: _SCREEN,
    7: _smpte_240m,
    8: power(1),
    11: _SCREEN,
    13: srgb_light,
    14: _SCREEN,
    15: _SCREEN,
    17: lambda value: min(1.0, float(52.37 / 48 * value**2.6)),
}
"""TransferCharacteristics of ITU-T H.273, table 3, as screens show them: BT.709 and its kin by BT.1886."""
PQ, HLG = 16, 18
WHITE = 203.0
"""cd/m² of a sheet of paper in HDR (ITU-R BT.2408)."""
BRIGHTEST = 1000.0 / WHITE
"""What a screen for HDR shows at most, as browsers take it where a file says nothing."""


def from_code_points(points: Sequence[int]) -> bytes | Bright | None:
    """Return what brings the four numbers of a cICP into sRGB; None where they mean nothing here.

    A profile, or what shows HDR on a common screen.
    """
    name, transfer, matrix, _ = points
    primaries = PRIMARIES.get(name)
    if primaries is None or matrix != 0:
        return None
    if transfer in (PQ, HLG):
        return Bright(primaries, transfer)
    curve = CURVES.get(transfer)
    return None if curve is None else profile(primaries, curve)


def profile(primaries: Primaries, curve: Curve) -> bytes | None:
    """Return the profile of a screen with these primaries (ICC.1:2010, 7 and 8.4); None where none can be."""
    colorants = _colorants(primaries)
    if colorants is None:
        return None
    levels = [round(65535 * min(1.0, curve(level / 255))) for level in range(256)]
    shape = b"curv" + bytes(4) + struct.pack(">I256H", 256, *levels)
    tags = [b"XYZ " + bytes(4) + struct.pack(">3i", *map(_fixed, one)) for one in colorants.T.tolist()]
    names = (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC")
    at, table, body = 132 + 12 * len(names), struct.pack(">I", len(names)), b"".join(tags) + shape
    for place, name in enumerate(names):
        offset, size = (20 * place, 20) if place < 3 else (60, len(shape))
        table += name + struct.pack(">2I", at + offset, size)
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"\0" * 4, 0x04200000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", *map(_fixed, _D50))
    return head + bytes(128 - len(head)) + table + body


def _fixed(value: float) -> int:
    return round(value * 65536)


_D50 = (0.9642, 1.0, 0.8249)
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
"""How eyes get used to another white (ICC.1:2010, annex E)."""


def _colorants(primaries: Primaries) -> Matrix | None:
    """Return the XYZ at D50 of red, green and blue, a column each; None where three lights make no white."""
    points = np.array(primaries).reshape(4, 2)
    if not ((points >= 0) & (points <= 1.1)).all() or points[0, 1] < 0.05:
        return None
    four = np.column_stack((points, 1 - points.sum(axis=1))).T
    white, lights = four[:, 0] / points[0, 1], four[:, 1:]
    if abs(np.linalg.det(lights)) < 1e-5:
        return None
    shares = np.linalg.solve(lights, white)
    seen, wanted = _BRADFORD @ white, _BRADFORD @ _D50
    if (shares <= 0).any() or (seen <= 0).any():
        return None
    adapted = np.linalg.solve(_BRADFORD, (wanted / seen)[:, None] * _BRADFORD)
    found: Matrix = adapted @ (lights * shares)
    return found if (abs(found) < 4).all() else None


# ------------------------------------------------------------------------------------------------ HDR


@dataclass(frozen=True)
class Bright:
    """Numbers of HDR: they say how bright a light is, more than a common screen can show."""

    primaries: Primaries
    transfer: int

    def shown(self, picture: Image.Image) -> Image.Image:
        """Return an RGB picture as a common screen shows it, hues kept: Reinhard's curve with a white point.

        What browsers do: the brightest of a pixel's three lights says how much all are dimmed (Reinhard et
        al. 2002, section 3).
        """
        curve = _pq if self.transfer == PQ else _hlg
        light = np.array([curve(level / 255) for level in range(256)], np.float32)
        turn = across(self.primaries).T
        number = np.array([round(255 * srgb_number(step / _STEPS)) for step in range(_STEPS + 1)], np.uint8)
        pixels, done = np.asarray(picture), []
        for at in range(0, len(pixels), _BAND):
            lights = (self._dimmed(light[pixels[at : at + _BAND]]) @ turn).clip(0, 1)
            done.append(number[(lights * _STEPS + 0.5).astype(np.uint16)])
        return Image.fromarray(np.concatenate(done))

    def _dimmed(self, lights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self.transfer == HLG:  # ITU-R BT.2100, table 5, on a screen of 1000 cd/m²
            seen = lights @ np.array((0.2627, 0.6780, 0.0593), np.float32)
            lights *= BRIGHTEST * seen[..., None] ** np.float32(0.2)
        most = lights.max(axis=2, keepdims=True)
        lights *= (1 + most / BRIGHTEST**2) / (1 + most)
        return lights


_STEPS = 16383
"""Of light: the darkest of them are a fifth of a level in sRGB."""
_BAND = 256
"""Rows at once: the whole of a large picture would be gigabytes of fractions."""


def across(primaries: Primaries) -> npt.NDArray[np.float32]:
    """Return what brings lights of these primaries into those of sRGB; both are known to be lights."""
    source, screen = _colorants(primaries), _colorants(SRGB)
    if source is None or screen is None:
        raise ValueError("These three lights make no white.")
    return np.linalg.solve(screen, source).astype(np.float32)


def _pq(value: float) -> float:
    """Return the light of a PQ number, in sheets of paper (SMPTE ST 2084; ITU-R BT.2100, table 4)."""
    root = value ** (32 / 2523)
    share = max(root - 3424 / 4096, 0.0) / (2413 / 128 - 2392 / 128 * root)
    return float(10_000 * share ** (16384 / 2610) / WHITE)


def _hlg(value: float) -> float:
    """Return the light before the camera of an HLG number, 0 … 1 (ITU-R BT.2100, table 5)."""
    if value <= 0.5:
        return value**2 / 3
    return (math.exp((value - 0.55991073) / 0.17883277) + 0.28466892) / 12
