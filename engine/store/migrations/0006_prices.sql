-- The ledger in seconds of the device beside work, by server too; its rows outlive the jobs they are about,
-- so that nobody gets an allowance back by having their data deleted.

CREATE TABLE ledger_in_seconds (
    job      TEXT PRIMARY KEY,
    owner    TEXT NOT NULL,
    guild    TEXT,
    reserved REAL NOT NULL,            -- work, set at acceptance
    settled  REAL,                     -- work, set at the end; NULL while open, 0 when nothing was given
    price    REAL NOT NULL DEFAULT 0,  -- seconds of the device, set aside at acceptance
    paid     REAL,                     -- seconds of the device, charged at the end; at most the price
    at       REAL NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO ledger_in_seconds (job, owner, guild, reserved, settled, paid, at)
    SELECT ledger.job, ledger.owner, job.guild, ledger.reserved, ledger.settled,
           CASE WHEN ledger.settled IS NULL THEN NULL ELSE 0 END, ledger.at
    FROM ledger JOIN job ON job.id = ledger.job;

DROP TABLE ledger;
ALTER TABLE ledger_in_seconds RENAME TO ledger;
CREATE INDEX ledger_owner ON ledger (owner, at, paid);
CREATE INDEX ledger_guild ON ledger (guild, at, paid) WHERE guild IS NOT NULL;
CREATE INDEX ledger_open ON ledger (owner) WHERE settled IS NULL;

-- How far ahead of virtual time each person has been served: kept in the claim of each job, read at the start.
CREATE TABLE standing (
    owner   TEXT PRIMARY KEY,          -- '' is virtual time itself
    counter REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Its owner's share of the engine when it was asked for: their roles', and their server's.
ALTER TABLE job ADD COLUMN weight REAL NOT NULL DEFAULT 1;
