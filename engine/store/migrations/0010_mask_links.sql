-- The drawing page acts for whoever opened the mask: who they were there, and the one link that is still good.

ALTER TABLE mask ADD COLUMN asker TEXT;        -- JSON; NULL: only the origin is known
ALTER TABLE mask ADD COLUMN ticket TEXT;       -- names the open link; NULL: none, or used
ALTER TABLE mask ADD COLUMN ticket_until REAL; -- Unix seconds
