-- What a job made of a picture: the edit by its name, and how far a zoom went out. NULL: none, or from before.

ALTER TABLE job ADD COLUMN edit TEXT;
ALTER TABLE job ADD COLUMN factor REAL;
