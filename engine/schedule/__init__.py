"""Whose turn it is and what starts: pure fair queue, the one task that starts work, its counts."""
