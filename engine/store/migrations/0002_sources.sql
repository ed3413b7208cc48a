-- Who chose each value of a job: the prompt, the suffix, the settings, the server or the model.

ALTER TABLE job ADD COLUMN sources TEXT NOT NULL DEFAULT '[]';  -- JSON: pairs of flag and source
