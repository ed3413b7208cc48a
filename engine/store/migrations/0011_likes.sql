-- Pictures people marked with a heart, by button or reaction.

CREATE TABLE likes (
    owner   TEXT NOT NULL,
    picture TEXT NOT NULL,  -- SHA-256
    job     TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    cell    INTEGER NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (owner, picture)
) STRICT, WITHOUT ROWID;
CREATE INDEX likes_job ON likes (job);
CREATE INDEX delivery_message ON delivery (message) WHERE message IS NOT NULL;
