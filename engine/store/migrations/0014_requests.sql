-- Requests of the HTTP API that came with a name (Idempotency-Key): what they asked, to tell them from others.

CREATE TABLE api_request (
    key    INTEGER NOT NULL REFERENCES api_key (id),
    name   TEXT NOT NULL,
    sha256 BLOB NOT NULL,   -- of everything that was asked
    at     REAL NOT NULL,
    PRIMARY KEY (key, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_request_at ON api_request (at);
