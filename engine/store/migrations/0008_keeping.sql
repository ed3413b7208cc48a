-- Which pictures are needed by which job, and what makes old jobs quick to find: for retention and deletion.

CREATE TABLE input (
    job    TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX input_file ON input (sha256);

INSERT OR IGNORE INTO input (job, sha256)
    SELECT job.id, json_extract(one.value, '$.sha256') FROM job, json_each(job.spec, '$.inputs') AS one;

CREATE TRIGGER job_inputs AFTER INSERT ON job BEGIN
    INSERT OR IGNORE INTO input (job, sha256)
        SELECT NEW.id, json_extract(one.value, '$.sha256') FROM json_each(NEW.spec, '$.inputs') AS one;
END;

CREATE INDEX job_film ON job (film) WHERE film IS NOT NULL;
CREATE INDEX job_parent ON job (parent, created_at) WHERE parent IS NOT NULL;
CREATE INDEX job_finished ON job (finished_at, id) WHERE finished_at IS NOT NULL;
