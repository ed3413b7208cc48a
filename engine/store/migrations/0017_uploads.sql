-- Pictures that somebody brought through the API, by the SHA-256 of what is kept: nobody else can name them.

CREATE TABLE upload (
    owner  TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    at     REAL NOT NULL,
    PRIMARY KEY (owner, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX upload_file ON upload (sha256);
