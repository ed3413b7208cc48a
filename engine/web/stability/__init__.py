"""The Stability API, version 1, all seven endpoints, as old clients speak it."""

from engine.web.stability.endpoints import STARTS, mount, shape

__all__ = ["STARTS", "mount", "shape"]
