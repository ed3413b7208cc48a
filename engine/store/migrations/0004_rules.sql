-- What those in charge decided: rules, bans, and what they ask of the running bot.

CREATE TABLE rule (
    guild  TEXT NOT NULL,             -- '' = everywhere
    kind   TEXT NOT NULL,
    target TEXT NOT NULL DEFAULT '',
    name   TEXT NOT NULL DEFAULT '',
    value  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (guild, kind, target, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE ban (
    guild  TEXT NOT NULL,             -- '' = everywhere
    mark   TEXT NOT NULL,             -- keyed hash of the person's id: all that is left after a deletion
    owner  TEXT,                      -- the id, NULL once everything about the person was deleted
    reason TEXT NOT NULL,
    actor  TEXT NOT NULL,
    since  REAL NOT NULL,
    until  REAL,                      -- NULL = for good
    PRIMARY KEY (guild, mark)
) STRICT, WITHOUT ROWID;
CREATE INDEX ban_owner ON ban (owner);

CREATE TABLE errand (                 -- asked by another process, done by the bot that runs (or starts next)
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    verb   TEXT NOT NULL,
    target TEXT NOT NULL
) STRICT;
