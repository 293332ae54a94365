-- Times are microseconds since 1970-01-01 UTC.

CREATE TABLE session_processor (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- Logs that were ever read. They stay when their files go.
CREATE TABLE session_log (
    id     INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    key    TEXT NOT NULL,
    kind   TEXT NOT NULL,
    user   TEXT,
    decky  TEXT,
    UNIQUE (source, key)
) STRICT;

-- How far a processor has read a log. A row without an offset was never read with success.
CREATE TABLE session_progress (
    id               INTEGER PRIMARY KEY,
    processor_id     INTEGER NOT NULL REFERENCES session_processor (id),
    log_id           INTEGER NOT NULL REFERENCES session_log (id),
    version          INTEGER NOT NULL,
    read_to          INTEGER,
    line             INTEGER NOT NULL DEFAULT 0,
    size             INTEGER NOT NULL DEFAULT 0,
    modified_ns      INTEGER NOT NULL DEFAULT 0,
    inode            INTEGER NOT NULL DEFAULT 0,
    generation       INTEGER NOT NULL DEFAULT 0,
    -- What lies at the beginning of the file and before the offset: lengths and digests.
    identity         BLOB,
    -- Beginnings of the files before it.
    earlier          BLOB,
    has_state        INTEGER NOT NULL DEFAULT 0 CHECK (has_state IN (0, 1)),
    tried_at         INTEGER,
    failures         INTEGER NOT NULL DEFAULT 0,
    retry_at         INTEGER,
    quarantined_at   INTEGER,
    last_error       TEXT,
    UNIQUE (processor_id, log_id)
) STRICT;
CREATE INDEX session_quarantine ON session_progress (quarantined_at) WHERE quarantined_at IS NOT NULL;

-- Apart from the progress, which is read as a whole at the beginning of each run. The state is the
-- first `kept` bytes of `base` and then what is in session_state_end: most states grow at their end,
-- and a large value is written as a whole, however little of it is new.
CREATE TABLE session_state (
    progress_id INTEGER PRIMARY KEY REFERENCES session_progress (id),
    base        BLOB NOT NULL
) STRICT;
CREATE TABLE session_state_end (
    progress_id INTEGER PRIMARY KEY REFERENCES session_progress (id),
    kept        INTEGER NOT NULL,
    state       BLOB NOT NULL
) STRICT;

-- Facts, in chunks: sessions/records.rs. Later chunks of a log replace facts of earlier ones.
CREATE TABLE session_chunk (
    id           INTEGER PRIMARY KEY,
    processor_id INTEGER NOT NULL REFERENCES session_processor (id),
    log_id       INTEGER NOT NULL REFERENCES session_log (id),
    version      INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    facts        BLOB NOT NULL
) STRICT;
CREATE INDEX session_chunk_of ON session_chunk (processor_id, log_id, id);

CREATE TABLE session_run (
    id           INTEGER PRIMARY KEY,
    processor_id INTEGER NOT NULL REFERENCES session_processor (id),
    version      INTEGER NOT NULL,
    started_by   TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    ended_at     INTEGER,
    report       TEXT NOT NULL
) STRICT;
CREATE INDEX session_run_of ON session_run (processor_id, id);

-- What waits to be told. The body goes when it was passed on; the key stays, so that nothing is
-- told twice.
CREATE TABLE session_notice (
    id           INTEGER PRIMARY KEY,
    processor_id INTEGER NOT NULL REFERENCES session_processor (id),
    key          TEXT NOT NULL,
    body         TEXT,
    UNIQUE (processor_id, key)
) STRICT;
CREATE INDEX session_notice_waiting ON session_notice (id) WHERE body IS NOT NULL;
