-- Times are microseconds since 1970-01-01 UTC.

-- Everything that was remembered, judged and pinned. Only ever appended to; what stands in
-- memory_name, memory and memory_entity follows from it.
CREATE TABLE memory_log (
    number  INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    -- 1: a memory was written. 2: its significance was set. 3: its pin changed.
    kind    INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
    at      INTEGER NOT NULL,
    cause   TEXT NOT NULL,
    -- Without what a memory tells: that lies apart, since nothing follows from it.
    event   TEXT NOT NULL
) STRICT;
-- A cause is unique for ever, but one may change several pins.
CREATE UNIQUE INDEX memory_log_cause ON memory_log (cause, kind) WHERE kind != 3;

-- What the memory of this entry tells. Only ever appended to.
CREATE TABLE memory_words (
    number    INTEGER PRIMARY KEY,
    narrative TEXT NOT NULL,
    dialogue  TEXT NOT NULL
) STRICT;

-- Owners, other parties, threads and entities, numbered from 1 in the order of first mention.
CREATE TABLE memory_name (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX memory_name_text ON memory_name (text);

-- These tables have no foreign keys: a rebuild empties them, which takes no time if nothing has to
-- look for rows that refer to them.
CREATE TABLE memory (
    -- The number of the entry that it was written with.
    id               INTEGER PRIMARY KEY,
    owner            INTEGER NOT NULL,
    other            INTEGER,
    thread           INTEGER,
    happened_at      INTEGER NOT NULL,
    score            INTEGER CHECK (score BETWEEN 0 AND 3),
    -- Number of the entry that says so; 0 for none.
    scored_by        INTEGER NOT NULL DEFAULT 0,
    -- 0: none. 1: automatic. 2: manual.
    pin              INTEGER NOT NULL DEFAULT 0 CHECK (pin IN (0, 1, 2)),
    unpinned_by_hand INTEGER NOT NULL DEFAULT 0 CHECK (unpinned_by_hand IN (0, 1)),
    CHECK ((score IS NULL) = (scored_by = 0))
) STRICT;
CREATE INDEX memory_other ON memory (owner, other, happened_at);
CREATE INDEX memory_thread ON memory (owner, thread, happened_at) WHERE thread IS NOT NULL;
CREATE INDEX memory_pinned ON memory (owner, happened_at) WHERE pin > 0;

CREATE TABLE memory_entity (
    owner       INTEGER NOT NULL,
    entity      INTEGER NOT NULL,
    happened_at INTEGER NOT NULL,
    memory      INTEGER NOT NULL,
    PRIMARY KEY (owner, entity, happened_at, memory)
) STRICT, WITHOUT ROWID;

-- What followed from the log up to an entry.
CREATE TABLE memory_snapshot (
    last_entry INTEGER PRIMARY KEY,
    taken_at   INTEGER NOT NULL,
    memories   INTEGER NOT NULL,
    state      BLOB NOT NULL
) STRICT;

-- Who and what there is in a company.
CREATE TABLE canon (
    id      INTEGER PRIMARY KEY,
    company TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('person', 'project', 'vendor', 'amount', 'host')),
    role    TEXT NOT NULL,
    name    TEXT NOT NULL,
    details TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    UNIQUE (company, kind, role)
) STRICT;

-- What entries are and were called, by what the spellings of one name have in common.
CREATE TABLE canon_name (
    company TEXT NOT NULL,
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    canon   INTEGER NOT NULL REFERENCES canon (id),
    -- The spelling of an alias, and its place among those of its entry. None: it is the name.
    alias   TEXT,
    place   INTEGER,
    PRIMARY KEY (company, kind, key, canon),
    CHECK ((alias IS NULL) = (place IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX canon_name_of ON canon_name (canon, place);
