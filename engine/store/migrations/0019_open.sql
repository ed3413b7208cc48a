-- What somebody has open, and what a server's open jobs may cost, is looked up for every request: without
-- passing over what others have waiting, and over two months of charges.

CREATE INDEX job_open_owner ON job (owner, state) WHERE state IN ('queued', 'running');
CREATE INDEX ledger_open_guild ON ledger (guild) WHERE settled IS NULL AND guild IS NOT NULL;
