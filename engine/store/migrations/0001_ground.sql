-- The ground: what was asked, what was drawn, what must still be shown, what it cost.

CREATE TABLE job (
    id          TEXT PRIMARY KEY,
    request     TEXT NOT NULL,               -- idempotency key: an interaction id, an HTTP key
    nth         INTEGER NOT NULL,            -- place among the jobs of that request, from 0
    owner       TEXT NOT NULL,
    origin      TEXT NOT NULL,
    reply_to    TEXT,
    progress    TEXT,                        -- message to edit while it runs and to remove at the end
    state       TEXT NOT NULL CHECK (state IN
                    ('queued', 'running', 'rendered', 'failed', 'blocked', 'cancelled')),
    spec        TEXT NOT NULL,               -- JSON, as in the picture's recipe
    prompt      TEXT NOT NULL,
    notes       TEXT NOT NULL DEFAULT '[]',  -- JSON list of sentences
    speed       TEXT NOT NULL,
    work        REAL NOT NULL,
    parent      TEXT,
    parent_cell INTEGER,
    attempts    INTEGER NOT NULL DEFAULT 0,
    failure     TEXT,
    film        TEXT,
    texts       TEXT NOT NULL DEFAULT '[]',
    created_at  REAL NOT NULL,
    started_at  REAL,
    finished_at REAL,
    UNIQUE (request, nth)
) STRICT;
CREATE INDEX job_open ON job (state, created_at) WHERE state IN ('queued', 'running');
CREATE INDEX job_owner ON job (owner, created_at);

CREATE TABLE picture (
    job    TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    cell   INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, cell)
) STRICT, WITHOUT ROWID;
CREATE INDEX picture_file ON picture (sha256);

CREATE TABLE delivery (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used again: the message nonce is made from it
    request      TEXT UNIQUE,                        -- idempotency key of a delivery without a new job
    job          TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL CHECK (kind IN ('grid', 'picture', 'failure', 'text')),
    cell         INTEGER,
    origin       TEXT NOT NULL,
    reply_to     TEXT,
    progress     TEXT,
    owner        TEXT NOT NULL,
    state        TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'undeliverable')),
    message      TEXT,
    why          TEXT,
    attempted_at REAL,
    created_at   REAL NOT NULL
) STRICT;
CREATE INDEX delivery_pending ON delivery (id) WHERE state = 'pending';
CREATE INDEX delivery_job ON delivery (job);

CREATE TABLE ledger (
    job      TEXT PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    owner    TEXT NOT NULL,
    reserved REAL NOT NULL,  -- work, set at acceptance
    settled  REAL,           -- work, set at the end; NULL while open, 0 when nothing was given
    at       REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_owner ON ledger (owner, at);

CREATE TABLE preference (
    owner TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
