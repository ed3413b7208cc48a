-- Where somebody in charge put a waiting job: below 0 before all others, the least first; above 0 after them.

ALTER TABLE job ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
