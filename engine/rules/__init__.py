"""Pure: who may what, and how much: permissions, limits, allowances, people, statistics."""
