-- Promised messages that go to somebody's own server (webhooks) are tried again and again, at growing pauses.

ALTER TABLE delivery ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN due REAL NOT NULL DEFAULT 0;  -- Unix seconds of the next try
