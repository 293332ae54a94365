-- Times are microseconds since 1970-01-01 UTC.

-- Everything that was done and observed. Only ever appended to; what stands in the tables below,
-- but for points, counters, presences and positions, follows from it.
CREATE TABLE heal_log (
    number INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    event  TEXT NOT NULL
) STRICT;

-- What may be acted on, in the order of first mention.
CREATE TABLE heal_target (
    id                INTEGER PRIMARY KEY,
    name              TEXT NOT NULL UNIQUE
        CHECK (length(CAST(name AS BLOB)) BETWEEN 1 AND 512),
    -- Tries that failed since the last success.
    failures_in_a_row INTEGER NOT NULL DEFAULT 0,
    paused_since      INTEGER
) STRICT;
CREATE INDEX heal_target_paused ON heal_target (name) WHERE paused_since IS NOT NULL;

-- What was counted of a target: records of 24 bytes, by time (heal/points.rs). Apart from the
-- target, so that what happens to it does not write its points again.
CREATE TABLE heal_points (
    target_id INTEGER PRIMARY KEY REFERENCES heal_target (id),
    points    BLOB NOT NULL CHECK (length(points) % 24 = 0)
) STRICT;

-- What each of several counters of a target showed last. The numbers have no sign: those above
-- 2^63 - 1 stand here as negative.
CREATE TABLE heal_counter (
    target_id   INTEGER NOT NULL REFERENCES heal_target (id),
    counter     TEXT NOT NULL,
    at          INTEGER NOT NULL,
    impressions INTEGER NOT NULL,
    engagements INTEGER NOT NULL,
    PRIMARY KEY (target_id, counter)
) STRICT, WITHOUT ROWID;

CREATE TABLE heal_attempt (
    id           INTEGER PRIMARY KEY,
    target_id    INTEGER NOT NULL REFERENCES heal_target (id),
    policy       TEXT NOT NULL,
    key          TEXT NOT NULL,
    epoch        INTEGER NOT NULL,
    plan         TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    tries        INTEGER NOT NULL,
    -- Number of the latest try; the fencing token.
    token        INTEGER NOT NULL,
    -- How often it was begun.
    begun        INTEGER NOT NULL DEFAULT 1,
    status       TEXT NOT NULL CHECK (status IN ('running', 'success', 'failed')),
    -- When somebody may take it up: the end of its lease, or its next try.
    claimable_at INTEGER,
    settled_at   INTEGER,
    error_code   TEXT,
    error_detail TEXT,
    result       TEXT,
    -- Whether it began last of all with its policy and key.
    is_current   INTEGER NOT NULL DEFAULT 1 CHECK (is_current IN (0, 1)),
    UNIQUE (target_id, policy, key, epoch),
    CHECK (status != 'running' OR claimable_at IS NOT NULL),
    CHECK (status != 'success' OR claimable_at IS NULL),
    CHECK ((status = 'running') = (settled_at IS NULL)),
    CHECK ((status = 'failed') = (error_code IS NOT NULL)),
    CHECK ((status = 'failed') = (error_detail IS NOT NULL))
) STRICT;
-- Holds all that a look at a target asks for: rows of one target lie far apart.
CREATE INDEX heal_attempt_current ON heal_attempt (
    target_id, policy, key, epoch, started_at, tries,
    status, claimable_at, settled_at, error_code, error_detail
) WHERE is_current = 1;
CREATE INDEX heal_attempt_claimable ON heal_attempt (claimable_at)
    WHERE claimable_at IS NOT NULL;
CREATE INDEX heal_attempt_failed ON heal_attempt (id) WHERE status = 'failed';
CREATE INDEX heal_attempt_of ON heal_attempt (target_id);

-- What cooldowns, limits and the budget count; `entry` is the number in the log.
CREATE TABLE heal_beginning (
    target_id     INTEGER NOT NULL REFERENCES heal_target (id),
    at            INTEGER NOT NULL,
    entry         INTEGER NOT NULL,
    action        TEXT NOT NULL,
    -- When it was first seen to lie in the future.
    seen_ahead_at INTEGER CHECK (seen_ahead_at < at),
    PRIMARY KEY (target_id, at, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX heal_beginning_at ON heal_beginning (at, seen_ahead_at, action);

-- The episodes that targets are in.
CREATE TABLE heal_episode (
    target_id INTEGER NOT NULL REFERENCES heal_target (id),
    policy    TEXT NOT NULL,
    number    INTEGER NOT NULL,
    is_stale  INTEGER NOT NULL CHECK (is_stale IN (0, 1)),
    since     INTEGER NOT NULL,
    PRIMARY KEY (target_id, policy)
) STRICT, WITHOUT ROWID;

-- Who was inside a target. Those who have not left have no end.
CREATE TABLE heal_presence (
    id     TEXT PRIMARY KEY,
    target TEXT NOT NULL,
    since  INTEGER NOT NULL,
    until  INTEGER
) STRICT;
CREATE INDEX heal_presence_until ON heal_presence (until);

-- How far each source was taken in.
CREATE TABLE heal_position (
    source   TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What holds for all targets together: one row.
CREATE TABLE heal_fleet (
    id                 INTEGER PRIMARY KEY CHECK (id = 1),
    paused_since       INTEGER,
    circuit_open_since INTEGER
) STRICT;
INSERT INTO heal_fleet (id) VALUES (1);
