-- What operators are told, once for each kind and key. The number is the order of raising.
CREATE TABLE alert (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    kind     TEXT NOT NULL,
    key      TEXT NOT NULL,
    -- As RFC 5424 numbers it.
    severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 7),
    at       INTEGER NOT NULL,
    decky    TEXT,
    summary  TEXT NOT NULL,
    facts    TEXT NOT NULL,
    times    INTEGER NOT NULL DEFAULT 1,
    last_at  INTEGER NOT NULL,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX alert_kind ON alert (kind, number);

-- An alert on its way to a sink.
CREATE TABLE alert_delivery (
    alert        INTEGER NOT NULL REFERENCES alert (number) ON DELETE CASCADE,
    sink         TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'given-up', 'dropped')),
    attempt      INTEGER NOT NULL DEFAULT 0,
    -- While it waits: end of its lease, or its next attempt; 0 before the first.
    claimable_at INTEGER,
    settled_at   INTEGER,
    error        TEXT,
    PRIMARY KEY (alert, sink),
    CHECK ((state = 'waiting') = (claimable_at IS NOT NULL)),
    CHECK ((state = 'waiting') = (settled_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_delivery_waiting ON alert_delivery (sink, claimable_at, alert)
    WHERE claimable_at IS NOT NULL;
CREATE INDEX alert_delivery_state ON alert_delivery (state, alert);
