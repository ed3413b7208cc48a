-- Seconds that drawing a job took, without loading its model. NULL: not drawn, or from before.

ALTER TABLE job ADD COLUMN took REAL;
