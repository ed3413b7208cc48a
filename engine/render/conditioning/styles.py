"""The words behind ``--style NAME``: the 17 presets of the Stability API; refuses to know models."""

from __future__ import annotations

STYLES = {
    "enhance": "highly detailed, sharp focus, professional",
    "anime": "cartoon style, anime artwork, key visual",
    "photographic": "cinematic photo, 35mm photograph, bokeh",
    "digital-art": "flat style, digital artwork, concept art",
    "comic-book": "cartoon style, comic book art, bold ink",
    "fantasy-art": "watercolour, ethereal fantasy art, dreamy",
    "line-art": "outline drawing, line art, minimalist",
    "analog-film": "analog film photo, faded, grainy, brown tint",
    "neon-punk": "at night, neonpunk, cyberpunk, glowing",
    "isometric": "3d style, isometric, crisp",
    "low-poly": "3d style, low-poly, polygon mesh",
    "origami": "flat style, origami, folded paper",
    "modeling-compound": "3d style, play-doh, clay sculpture",
    "cinematic": "at sunset, cinematic film still, shallow depth of field",
    "3d-model": "3d style, professional 3d model, octane render",
    "pixel-art": "pixel art",
    "tile-texture": "seamless pattern, texture, flat style",
}
"""Names as in the API; the words are ours to choose, since the API never published its own.

Few, and first such as small models know too (the shipped one's manners and places): a long row of words says
less to a small text encoder, and no more to a big one.
"""


def styled(text: str, style: str) -> str:
    """Return the prompt in a preset's words; an unknown name (a server's own) is taken as words itself."""
    words = STYLES.get(style, style)
    return f"{text}, {words}" if words and text else text or words
