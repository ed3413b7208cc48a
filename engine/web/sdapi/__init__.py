"""AUTOMATIC1111's API, `/sdapi/v1`: the least that its clients need."""

from engine.web.sdapi.endpoints import STARTS, mount, shape

__all__ = ["STARTS", "mount", "shape"]
