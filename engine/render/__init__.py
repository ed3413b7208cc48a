"""Making pictures: the only room that knows torch and diffusers, run inside a worker process.

`Renderer` is its front door. It is looked up when asked for, so that reading a table of names from this
package does not bring torch into a process that has no use for it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.render.renderer import Renderer

__all__ = ["Renderer"]


def __getattr__(name: str) -> Any:
    """Import the renderer, and with it torch, when it is first asked for."""
    if name == "Renderer":
        # said while it is imported, before anybody can ask for less: advice meant for notebooks
        os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
        from engine.render.renderer import Renderer

        return Renderer
    raise AttributeError(name)
