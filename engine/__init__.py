"""Everything that is not Discord: words, plans, queue, rendering, storage. Runs headless."""
