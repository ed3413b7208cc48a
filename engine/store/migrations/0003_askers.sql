-- Where a job was asked for, and a record of what those in charge did.

ALTER TABLE job ADD COLUMN guild TEXT;  -- NULL: direct messages, the command line, HTTP

UPDATE job SET guild = substr(origin, 9, instr(origin, '/') - 9)
    WHERE origin LIKE 'discord:%/%' AND origin NOT LIKE 'discord:@me/%';

CREATE INDEX job_guild ON job (guild, created_at);

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    guild  TEXT,                        -- NULL: everywhere
    actor  TEXT NOT NULL,               -- a person's id, cli, limner
    action TEXT NOT NULL,
    target TEXT,
    detail TEXT NOT NULL DEFAULT '{}'   -- JSON object
) STRICT;
CREATE INDEX audit_guild ON audit (guild, id);
