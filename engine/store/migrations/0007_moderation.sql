-- What becomes of adult content where a job was asked for, what was refused, and what people report.

ALTER TABLE job ADD COLUMN adult TEXT NOT NULL DEFAULT 'refuse';    -- refuse, spoiler or allow
ALTER TABLE job ADD COLUMN rated INTEGER NOT NULL DEFAULT 0;        -- its words or pictures are adult content
ALTER TABLE delivery ADD COLUMN spoiler INTEGER NOT NULL DEFAULT 0;

CREATE TABLE refusal (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       REAL NOT NULL,
    owner    TEXT NOT NULL,
    guild    TEXT,
    job      TEXT,                       -- NULL: the prompt was refused before it became one
    prompt   TEXT NOT NULL,
    why      TEXT NOT NULL,              -- for moderators
    absolute INTEGER NOT NULL            -- no appeal
) STRICT;
CREATE INDEX refusal_owner ON refusal (owner, at);
CREATE INDEX refusal_at ON refusal (at);
