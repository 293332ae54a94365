-- Work that is done in the background. A cause is unique within its kind for as long as its row is
-- there; rows of done jobs stay, without their payload. Ids are never used twice: a holder of a job
-- that is forgotten could take another one for its own.
CREATE TABLE job (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL,
    cause       TEXT NOT NULL,
    payload     TEXT,
    priority    INTEGER NOT NULL DEFAULT 0,
    state       TEXT NOT NULL DEFAULT 'waiting'
                CHECK (state IN ('waiting', 'running', 'done', 'dead', 'discarded')),
    -- Number of the latest claim.
    token       INTEGER NOT NULL DEFAULT 0,
    failures    INTEGER NOT NULL DEFAULT 0,
    enqueued_at INTEGER NOT NULL,
    -- While it waits: when it is due, 0 for at once. While somebody works on it: the end of the lease.
    due_at      INTEGER,
    settled_at  INTEGER,
    error       TEXT,
    UNIQUE (kind, cause),
    CHECK ((state IN ('waiting', 'running')) = (due_at IS NOT NULL)),
    CHECK ((due_at IS NULL) = (settled_at IS NOT NULL)),
    CHECK ((state = 'done') = (payload IS NULL))
) STRICT;
-- What can be claimed, now or later; done jobs are not in it.
CREATE INDEX job_due ON job (kind, priority, due_at) WHERE due_at IS NOT NULL;
-- What can be forgotten, by age.
CREATE INDEX job_over ON job (settled_at) WHERE state IN ('done', 'discarded');
-- What an operator looks for.
CREATE INDEX job_dead ON job (id) WHERE state = 'dead';

-- When they were written was not noted.
INSERT INTO job (id, kind, cause, payload, enqueued_at, due_at)
    SELECT id, kind, cause, payload, 0, 0 FROM follow_up ORDER BY id;
DROP TABLE follow_up;
