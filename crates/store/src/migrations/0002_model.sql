-- How the text of a mail came about: writer, effort, who was passed over and why, as JSON. Mail of
-- before has the writer's name alone.
ALTER TABLE mail ADD COLUMN authorship TEXT;

-- What is known about the server of a model: its circuit breaker and slots, as JSON.
CREATE TABLE model_state (
    server TEXT PRIMARY KEY,
    state  TEXT NOT NULL
) STRICT;
