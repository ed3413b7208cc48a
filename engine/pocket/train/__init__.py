"""Train the pocket model from icon sets: `python -m engine.pocket.train --help`."""
