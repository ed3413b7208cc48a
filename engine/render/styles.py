"""The words behind ``--style NAME``: the 17 presets of the Stability API; refuses to know models."""

from __future__ import annotations

STYLES = {
    "enhance": "breathtaking, highly detailed, professional, sharp focus",
    "anime": "anime artwork, anime style, key visual, vibrant, studio anime",
    "photographic": "cinematic photo, 35mm photograph, film, bokeh, professional, highly detailed",
    "digital-art": "concept art, digital artwork, illustrative, painterly, matte painting",
    "comic-book": "comic, graphic illustration, comic art, graphic novel art, vibrant",
    "fantasy-art": "ethereal fantasy concept art, magnificent, celestial, painterly, epic, dreamy",
    "line-art": "line art drawing, professional, sleek, modern, minimalist, graphic, vector graphics",
    "analog-film": "analog film photo, faded film, desaturated, 35mm photo, grainy, vintage, Kodachrome",
    "neon-punk": "neonpunk style, cyberpunk, vaporwave, neon, vibrant, glowing, ultramodern, high contrast",
    "isometric": "isometric style, vibrant, beautiful, crisp, detailed, ultra detailed, intricate",
    "low-poly": "low-poly style, low-poly game art, polygon mesh, jagged, blocky, wireframe edges",
    "origami": "origami style, paper art, pleated paper, folded, origami art, pleats, cut and fold",
    "modeling-compound": "play-doh style, sculpture, clay art, centered composition, claymation",
    "cinematic": "cinematic film still, shallow depth of field, vignette, moody, epic, gorgeous, film grain",
    "3d-model": "professional 3d model, octane render, highly detailed, volumetric, dramatic lighting",
    "pixel-art": "pixel-art, low-res, blocky, pixel art style, 8-bit graphics",
    "tile-texture": "texture, seamless pattern, repeating tile, flat, even lighting",
}
"""Names as in the API; the words are ours to choose, since the API never published its own."""


def styled(text: str, style: str) -> str:
    """Return the prompt in a preset's words; an unknown name (a server's own) is taken as words itself."""
    words = STYLES.get(style, style)
    return f"{text}, {words}" if words and text else text or words
