-- Masks being made: which picture, how the mask is made so far, and for whom.

CREATE TABLE mask (
    key        TEXT PRIMARY KEY,
    owner      TEXT NOT NULL,
    origin     TEXT NOT NULL,      -- where the result goes when the mask comes from the drawing page
    picture    TEXT NOT NULL,      -- SHA-256 of the picture to repaint
    job        TEXT,               -- the job it is of; NULL: a picture from outside
    cell       INTEGER,
    line       TEXT,               -- a prompt that was given already
    outline    TEXT NOT NULL,      -- JSON: how the mask is made
    created_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mask_age ON mask (created_at);
