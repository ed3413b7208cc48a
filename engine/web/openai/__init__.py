"""OpenAI's Images API, as its own clients speak it: generations, edits, variations, models, streams."""

from engine.web.openai.endpoints import STARTS, mount, shape

__all__ = ["STARTS", "mount", "shape"]
