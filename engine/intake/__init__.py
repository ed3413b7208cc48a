"""Pictures from outside: fetched from links, decoded far away from everything else; knows no people, no jobs.

Whatever comes in is hostile until it has been proven otherwise: ``fetch`` connects to public addresses only,
``decode`` opens files in a child process with little memory and time, and what comes out is a PNG of our own
making with nothing of the file in it but its pixels.
"""

from engine.intake.decode import MOST_BYTES, MOST_PIXELS, Clean, Decoder

__all__ = ["MOST_BYTES", "MOST_PIXELS", "Clean", "Decoder"]
