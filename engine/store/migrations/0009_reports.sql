-- What people report and appeal, and what moderators decided.

CREATE TABLE report (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           REAL NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('report', 'appeal')),
    job          TEXT,                     -- whose picture is meant
    refusal      INTEGER,                  -- an appeal against what was refused
    guild        TEXT,                     -- whose moderators decide; NULL: the host
    owner        TEXT NOT NULL,            -- who reports or appeals
    words        TEXT NOT NULL,
    hides        INTEGER NOT NULL,         -- the picture is hidden while this is open
    state        TEXT NOT NULL DEFAULT 'open'
                 CHECK (state IN ('open', 'returned', 'removed', 'granted', 'declined')),
    moderator    TEXT,
    decided_at   REAL,
    todo         TEXT,                     -- what must still be done in Discord: hide, restore, remove, tell
    channel      TEXT,                     -- where moderators were told
    notice       TEXT,                     -- and the message
    attempted_at REAL
) STRICT;
CREATE UNIQUE INDEX report_once ON report (kind, owner, coalesce(job, ''), coalesce(refusal, 0));
CREATE INDEX report_job ON report (job) WHERE kind = 'report';
CREATE INDEX report_todo ON report (id) WHERE todo IS NOT NULL OR notice IS NULL;
