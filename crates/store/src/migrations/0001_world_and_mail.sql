-- Times are microseconds since 1970-01-01 UTC.

CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Domains that the operator declared as their own, lower case.
CREATE TABLE declared_domain (
    domain TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- A topology's personas, or the pool: the one row without a topology.
CREATE TABLE persona_list (
    id               INTEGER PRIMARY KEY,
    topology         TEXT UNIQUE,
    language_default TEXT NOT NULL,
    topics           TEXT NOT NULL,
    home_slots       INTEGER NOT NULL DEFAULT 0,
    removed          INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
INSERT INTO persona_list (id, topology, language_default, topics) VALUES (1, NULL, 'en', '[]');

CREATE TABLE decky (
    id          INTEGER PRIMARY KEY,
    uuid        TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE,
    source      TEXT NOT NULL CHECK (source IN ('topology', 'fleet', 'shard')),
    list_id     INTEGER NOT NULL REFERENCES persona_list (id),
    services    TEXT NOT NULL,
    transport   TEXT NOT NULL,
    running     INTEGER NOT NULL CHECK (running IN (0, 1)),
    serves_mail INTEGER NOT NULL CHECK (serves_mail IN (0, 1)),
    -- The mail that this decky refused last and that is tried again.
    refused     INTEGER,
    messages    INTEGER NOT NULL DEFAULT 0,
    removed     INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1))
) STRICT;
CREATE INDEX decky_list ON decky (list_id, id);

-- Running mail deckies of a list that refuse nothing, numbered without gaps, so that one can be
-- drawn by its number.
CREATE TABLE home_slot (
    list_id  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    decky_id INTEGER NOT NULL UNIQUE REFERENCES decky (id),
    PRIMARY KEY (list_id, position)
) STRICT, WITHOUT ROWID;

-- Distinct working hours in their canonical form.
CREATE TABLE schedule (
    id         INTEGER PRIMARY KEY,
    definition TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE persona (
    id          INTEGER PRIMARY KEY,
    list_id     INTEGER NOT NULL REFERENCES persona_list (id),
    email       TEXT NOT NULL COLLATE NOCASE,
    definition  TEXT NOT NULL,
    schedule_id INTEGER NOT NULL REFERENCES schedule (id),
    home_id     INTEGER REFERENCES decky (id),
    login       TEXT,
    -- Whether mail can be delivered to them: derived, kept by the writers of this table.
    available   INTEGER NOT NULL DEFAULT 0 CHECK (available IN (0, 1)),
    removed     INTEGER NOT NULL DEFAULT 0 CHECK (removed IN (0, 1)),
    -- Why they take no part, such as an address in a foreign domain.
    problem     TEXT,
    UNIQUE (list_id, email)
) STRICT;
CREATE INDEX persona_available ON persona (list_id, schedule_id) WHERE available = 1;
CREATE INDEX persona_home ON persona (home_id) WHERE home_id IS NOT NULL;

-- One row per available persona and schedule of an available colleague, numbered without gaps
-- within a pair of schedules: who can start a thread when both schedules are open.
CREATE TABLE sender_slot (
    sender_schedule INTEGER NOT NULL,
    peer_schedule   INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    persona_id      INTEGER NOT NULL REFERENCES persona (id),
    PRIMARY KEY (sender_schedule, peer_schedule, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX sender_slot_persona ON sender_slot (persona_id);
CREATE TABLE sender_class (
    sender_schedule INTEGER NOT NULL,
    peer_schedule   INTEGER NOT NULL,
    size            INTEGER NOT NULL,
    PRIMARY KEY (sender_schedule, peer_schedule)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailbox (
    decky_id   INTEGER NOT NULL REFERENCES decky (id),
    login      TEXT NOT NULL,
    persona_id INTEGER NOT NULL REFERENCES persona (id),
    origin     TEXT NOT NULL CHECK (origin IN ('made', 'adopted', 'foreign')),
    PRIMARY KEY (decky_id, login)
) STRICT, WITHOUT ROWID;

CREATE TABLE mail (
    -- Grows for ever: the newest mail is never forgotten.
    id              INTEGER PRIMARY KEY,
    state           TEXT NOT NULL
                    CHECK (state IN ('planned', 'composed', 'delivered', 'failed', 'abandoned')),
    thread_id       INTEGER NOT NULL,
    parent_id       INTEGER REFERENCES mail (id) ON DELETE SET NULL,
    thread_length   INTEGER NOT NULL,
    list_id         INTEGER NOT NULL REFERENCES persona_list (id),
    sender_id       INTEGER NOT NULL REFERENCES persona (id),
    sender_home     INTEGER NOT NULL REFERENCES decky (id),
    sender_login    TEXT NOT NULL,
    recipient_id    INTEGER NOT NULL REFERENCES persona (id),
    recipient_home  INTEGER NOT NULL REFERENCES decky (id),
    recipient_login TEXT NOT NULL,
    seed            INTEGER NOT NULL,
    topic           TEXT NOT NULL,
    language        TEXT NOT NULL,
    sent_at         INTEGER NOT NULL,
    sent_offset     INTEGER NOT NULL,
    message_id      TEXT NOT NULL,
    inbox_name      TEXT NOT NULL,
    sent_name       TEXT NOT NULL,
    -- Set when composed.
    subject         TEXT NOT NULL DEFAULT '',
    ancestors       TEXT NOT NULL DEFAULT '',
    new_text        TEXT NOT NULL DEFAULT '',
    text            TEXT NOT NULL DEFAULT '',
    writer          TEXT,
    mail_client     TEXT,
    -- The final bytes, until they are delivered.
    message         BLOB,
    -- The fencing token, and when somebody else may claim the mail: the end of the lease, or the
    -- next attempt. No longer set when delivered or abandoned.
    attempt         INTEGER NOT NULL,
    claimable_at    INTEGER,
    error           TEXT,
    record          TEXT,
    is_read         INTEGER NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1)),
    inbox_vanished  INTEGER NOT NULL DEFAULT 0 CHECK (inbox_vanished IN (0, 1)),
    sent_vanished   INTEGER NOT NULL DEFAULT 0 CHECK (sent_vanished IN (0, 1))
) STRICT;
CREATE INDEX mail_claimable ON mail (claimable_at) WHERE claimable_at IS NOT NULL;
CREATE UNIQUE INDEX mail_parent ON mail (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX mail_sender_home ON mail (sender_home);
CREATE INDEX mail_recipient_home ON mail (recipient_home);
CREATE INDEX mail_unread ON mail (recipient_id) WHERE state = 'delivered' AND is_read = 0;

-- Answers that are still to be written. A row goes when its reply is planned.
CREATE TABLE answer (
    parent_id   INTEGER PRIMARY KEY REFERENCES mail (id) ON DELETE CASCADE,
    answerer_id INTEGER NOT NULL REFERENCES persona (id),
    author_id   INTEGER NOT NULL REFERENCES persona (id),
    due_at      INTEGER NOT NULL,
    -- Whether one of the two is unavailable: derived, kept by the writers of persona.available.
    blocked     INTEGER NOT NULL CHECK (blocked IN (0, 1))
) STRICT;
CREATE INDEX answer_due ON answer (due_at) WHERE blocked = 0;

CREATE TABLE follow_up (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL,
    cause   TEXT NOT NULL,
    payload TEXT NOT NULL,
    UNIQUE (kind, cause)
) STRICT;

-- Events on their way to the event file.
CREATE TABLE event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    body     TEXT NOT NULL
) STRICT;
