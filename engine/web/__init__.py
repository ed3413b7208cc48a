"""The other door: one optional HTTP listener, loopback by default; refuses to know Discord."""

from engine.web.doors import Doors
from engine.web.listener import application, listening

__all__ = ["Doors", "application", "listening"]
