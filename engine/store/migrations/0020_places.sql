-- Where pictures of a server were posted, for what everybody there likes: without passing over every message.

CREATE INDEX delivery_place ON delivery (origin, job) WHERE state = 'sent';
