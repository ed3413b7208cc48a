-- Keys of the HTTP API: whose they are, what they may do. Of the key itself only its SHA-256 is kept.

CREATE TABLE api_key (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    name       TEXT NOT NULL,
    owner      TEXT,                  -- the Discord id it acts for; NULL: a person of its own, 'key:<id>'
    start      TEXT NOT NULL,         -- its first characters, to tell keys apart
    sha256     BLOB NOT NULL UNIQUE,
    scopes     TEXT NOT NULL,         -- JSON list of draw, read, metrics
    models     TEXT,                  -- JSON list; NULL: all
    allowance  REAL,                  -- seconds of the device in a period; NULL: as everybody
    speed      TEXT,                  -- relax, fast, turbo; NULL: as everybody
    created_at REAL NOT NULL,
    expires_at REAL,
    used_at    REAL,
    revoked_at REAL
) STRICT;
CREATE INDEX api_key_owner ON api_key (owner);
