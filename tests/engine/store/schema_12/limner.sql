BEGIN TRANSACTION;
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    guild  TEXT,                        -- NULL: everywhere
    actor  TEXT NOT NULL,               -- a person's id, cli, limner
    action TEXT NOT NULL,
    target TEXT,
    detail TEXT NOT NULL DEFAULT '{}'   -- JSON object
) STRICT;
INSERT INTO "audit" VALUES(1,1.79594645717497634887e+09,'100','11','words block',NULL,'{}');
INSERT INTO "audit" VALUES(2,1.7959464571790077686e+09,'100','11','ban','13','{"reason": "spam"}');
INSERT INTO "audit" VALUES(3,1.79594645718253660207e+09,'100','12','report','tfhg1pkqjp','{"report": 1, "words": "not nice", "job": "tfhg1pkqjp"}');
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
INSERT INTO "ban" VALUES('100','f9c66795d92fa49e1b2bb1a06f613586410245762c42bea7418473ed4acfaa39','13','spam','11',1.79594645717891597752e+09,NULL);
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
, spoiler INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO "delivery" VALUES(1,NULL,'tfhg1pkqjp','grid',NULL,'discord:100/111','41','42','11','sent','9001',NULL,1.79594645714710116381e+09,1.79594645713293361659e+09,0);
CREATE TABLE errand (                 -- asked by another process, done by the bot that runs (or starts next)
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    verb   TEXT NOT NULL,
    target TEXT NOT NULL
) STRICT;
CREATE TABLE input (
    job    TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, sha256)
) STRICT, WITHOUT ROWID;
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
    finished_at REAL, sources TEXT NOT NULL DEFAULT '[]', guild TEXT, weight REAL NOT NULL DEFAULT 1, adult TEXT NOT NULL DEFAULT 'refuse', rated INTEGER NOT NULL DEFAULT 0, moved INTEGER NOT NULL DEFAULT 0,
    UNIQUE (request, nth)
) STRICT;
INSERT INTO "job" VALUES('tfhg1pkqjp','k1',0,'11','discord:100/111','41','42','rendered','{"kind":"imagine","model":"pocket","conditions":[{"text":"a red apple","weight":1.0}],"negative_prompt":"","width":128,"height":128,"steps":8,"guidance_scale":5.0,"sampler":"dpmpp_2m","seed":5,"count":4,"inputs":[],"strength":null,"stop":100,"chaos":0,"stylize":0,"weird":0,"exp":0,"style":"","tile":false,"film":false,"few_steps":false,"loras":[],"wordless":false,"adapter":false,"scale":1}','a red apple --steps 8 --seed 5','[]','fast',3.41036227464839480916e+00,NULL,NULL,1,NULL,NULL,'[]',1.79594636427678203583e+09,1.79594643609650635716e+09,1.79594645713238930699e+09,'[["ar", "suffix"], ["seed", "prompt"], ["steps", "prompt"], ["model", "model"], ["cfg", "model"], ["sampler", "model"]]','100',1.0,'refuse',0,0);
INSERT INTO "job" VALUES('e1rv05vz09','k2',0,'11','discord:100/111',NULL,NULL,'queued','{"kind":"imagine","model":"pocket","conditions":[{"text":"a blue car","weight":1.0}],"negative_prompt":"","width":128,"height":128,"steps":30,"guidance_scale":5.0,"sampler":"dpmpp_2m","seed":6,"count":4,"inputs":[],"strength":null,"stop":100,"chaos":0,"stylize":0,"weird":0,"exp":0,"style":"","tile":false,"film":false,"few_steps":false,"loras":[],"wordless":false,"adapter":false,"scale":1}','a blue car --steps 30 --seed 6','[]','fast',1.17468033904555824165e+01,NULL,NULL,0,NULL,NULL,'[]',1.79594645718819856646e+09,NULL,NULL,'[["ar", "suffix"], ["seed", "prompt"], ["steps", "prompt"], ["model", "model"], ["cfg", "model"], ["sampler", "model"]]','100',1.0,'refuse',0,0);
INSERT INTO "job" VALUES('mjjked4rnz','k3',0,'11','discord:100/111','43',NULL,'queued','{"kind":"imagine","model":"pocket","conditions":[{"text":"a green tree","weight":1.0},{"text":"leaf","weight":-0.5}],"negative_prompt":"","width":128,"height":128,"steps":8,"guidance_scale":5.0,"sampler":"dpmpp_2m","seed":7,"count":4,"inputs":[],"strength":null,"stop":100,"chaos":0,"stylize":0,"weird":0,"exp":0,"style":"","tile":false,"film":false,"few_steps":false,"loras":[],"wordless":false,"adapter":false,"scale":1}','a green tree --steps 8 --seed 7 --no leaf','[]','fast',4.92607884115879279818e+00,NULL,NULL,0,NULL,NULL,'[]',1.79594645719128608702e+09,NULL,NULL,'[["ar", "suffix"], ["no", "prompt"], ["seed", "prompt"], ["steps", "prompt"], ["model", "model"], ["cfg", "model"], ["sampler", "model"]]','100',1.0,'refuse',0,0);
INSERT INTO "job" VALUES('hr9xfgee0t','k4',0,'11','discord:100/111',NULL,NULL,'cancelled','{"kind":"imagine","model":"pocket","conditions":[{"text":"a dog","weight":1.0}],"negative_prompt":"","width":128,"height":128,"steps":8,"guidance_scale":5.0,"sampler":"dpmpp_2m","seed":7,"count":4,"inputs":[],"strength":null,"stop":100,"chaos":0,"stylize":0,"weird":0,"exp":0,"style":"","tile":false,"film":false,"few_steps":false,"loras":[],"wordless":false,"adapter":false,"scale":1}','a dog --steps 8 --seed 7','[]','fast',3.41036227464839480916e+00,NULL,NULL,0,NULL,NULL,'[]',1.79594645719683027266e+09,NULL,1.79594645721858549121e+09,'[["ar", "suffix"], ["seed", "prompt"], ["steps", "prompt"], ["model", "model"], ["cfg", "model"], ["sampler", "model"]]','100',1.0,'refuse',0,0);
CREATE TABLE "ledger" (
    job      TEXT PRIMARY KEY,
    owner    TEXT NOT NULL,
    guild    TEXT,
    reserved REAL NOT NULL,            -- work, set at acceptance
    settled  REAL,                     -- work, set at the end; NULL while open, 0 when nothing was given
    price    REAL NOT NULL DEFAULT 0,  -- seconds of the device, set aside at acceptance
    paid     REAL,                     -- seconds of the device, charged at the end; at most the price
    at       REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "ledger" VALUES('e1rv05vz09','11','100',1.17468033904555824165e+01,NULL,5.87340169522779120825e-01,NULL,1.79594645718819856646e+09);
INSERT INTO "ledger" VALUES('hr9xfgee0t','11','100',3.41036227464839480916e+00,0.0,1.70518113732419762662e-01,0.0,1.79594645721858549121e+09);
INSERT INTO "ledger" VALUES('mjjked4rnz','11','100',4.92607884115879279818e+00,NULL,2.46303942057939651011e-01,NULL,1.79594645719128608702e+09);
INSERT INTO "ledger" VALUES('tfhg1pkqjp','11','100',3.41036227464839480916e+00,3.41036227464839480916e+00,1.70518113732419762662e-01,1.70518113732419762662e-01,1.79594645713238930699e+09);
CREATE TABLE likes (
    owner   TEXT NOT NULL,
    picture TEXT NOT NULL,  -- SHA-256
    job     TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    cell    INTEGER NOT NULL,
    at      REAL NOT NULL,
    PRIMARY KEY (owner, picture)
) STRICT, WITHOUT ROWID;
INSERT INTO "likes" VALUES('11','78761774182c70dc1f62ebc5a6a0aacb2ed470d94d2d4a8bca2d01e14da4e2ab','tfhg1pkqjp',1,1795946457.17113);
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
, asker TEXT, ticket TEXT, ticket_until REAL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('admin.key','1d50f18ee30c84ce30589e5a009af4710a9a0827e8fa8e6a87d065e73d10464c');
INSERT INTO "meta" VALUES('pace','{}');
CREATE TABLE picture (
    job    TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    cell   INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, cell)
) STRICT, WITHOUT ROWID;
INSERT INTO "picture" VALUES('tfhg1pkqjp',3,'5479f0f6cd63b4e680c8ddd60a0d09021e4f5e22f2b966fad0d40014a8ca4d53');
INSERT INTO "picture" VALUES('tfhg1pkqjp',1,'78761774182c70dc1f62ebc5a6a0aacb2ed470d94d2d4a8bca2d01e14da4e2ab');
INSERT INTO "picture" VALUES('tfhg1pkqjp',2,'b83bad8d178cb0034de6e99badfefacd1c40f880fb2c7529a5c6a5673c1b0de2');
INSERT INTO "picture" VALUES('tfhg1pkqjp',0,'bb7a7a8e11368a4f6ce707f4f9f83306f209603d24cd86d4b26da4fbeb0383c1');
CREATE TABLE preference (
    owner TEXT NOT NULL,
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "preference" VALUES('11','suffix','--ar 1:1');
CREATE TABLE refusal (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       REAL NOT NULL,
    owner    TEXT NOT NULL,
    guild    TEXT,
    job      TEXT,                       -- NULL: the prompt was refused before it became one
    prompt   TEXT NOT NULL,
    why      TEXT NOT NULL,              -- for moderators
    absolute INTEGER NOT NULL            -- no appeal
) STRICT;
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
INSERT INTO "report" VALUES(1,1.79594645718253660207e+09,'report','tfhg1pkqjp',NULL,'100','12','not nice',1,'open',NULL,NULL,'hide',NULL,NULL,NULL);
CREATE TABLE rule (
    guild  TEXT NOT NULL,             -- '' = everywhere
    kind   TEXT NOT NULL,
    target TEXT NOT NULL DEFAULT '',
    name   TEXT NOT NULL DEFAULT '',
    value  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (guild, kind, target, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "rule" VALUES('100','word','block','zeppelin','');
CREATE TABLE standing (
    owner   TEXT PRIMARY KEY,          -- '' is virtual time itself
    counter REAL NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "standing" VALUES('',1.51571656651039781142e+01);
INSERT INTO "standing" VALUES('11',3.41036227464839569734e+00);
CREATE INDEX job_open ON job (state, created_at) WHERE state IN ('queued', 'running');
CREATE INDEX job_owner ON job (owner, created_at);
CREATE INDEX picture_file ON picture (sha256);
CREATE INDEX delivery_pending ON delivery (id) WHERE state = 'pending';
CREATE INDEX delivery_job ON delivery (job);
CREATE INDEX job_guild ON job (guild, created_at);
CREATE INDEX audit_guild ON audit (guild, id);
CREATE INDEX ban_owner ON ban (owner);
CREATE INDEX mask_age ON mask (created_at);
CREATE INDEX ledger_owner ON ledger (owner, at, paid);
CREATE INDEX ledger_guild ON ledger (guild, at, paid) WHERE guild IS NOT NULL;
CREATE INDEX ledger_open ON ledger (owner) WHERE settled IS NULL;
CREATE INDEX refusal_owner ON refusal (owner, at);
CREATE INDEX refusal_at ON refusal (at);
CREATE INDEX input_file ON input (sha256);
CREATE TRIGGER job_inputs AFTER INSERT ON job BEGIN
    INSERT OR IGNORE INTO input (job, sha256)
        SELECT NEW.id, json_extract(one.value, '$.sha256') FROM json_each(NEW.spec, '$.inputs') AS one;
END;
CREATE INDEX job_film ON job (film) WHERE film IS NOT NULL;
CREATE INDEX job_parent ON job (parent, created_at) WHERE parent IS NOT NULL;
CREATE INDEX job_finished ON job (finished_at, id) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX report_once ON report (kind, owner, coalesce(job, ''), coalesce(refusal, 0));
CREATE INDEX report_job ON report (job) WHERE kind = 'report';
CREATE INDEX report_todo ON report (id) WHERE todo IS NOT NULL OR notice IS NULL;
CREATE INDEX likes_job ON likes (job);
CREATE INDEX delivery_message ON delivery (message) WHERE message IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('delivery',1);
INSERT INTO "sqlite_sequence" VALUES('audit',3);
INSERT INTO "sqlite_sequence" VALUES('report',1);
COMMIT;
PRAGMA user_version = 12;
