-- Canons know customers too. A check can only be changed by making its table anew; the names go first,
-- since they refer to the entries.
CREATE TABLE canon_kept AS SELECT * FROM canon;
CREATE TABLE canon_name_kept AS SELECT * FROM canon_name;
DROP TABLE canon_name;
DROP TABLE canon;

-- Who and what there is in a company.
CREATE TABLE canon (
    id      INTEGER PRIMARY KEY,
    company TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK
        (kind IN ('person', 'project', 'vendor', 'customer', 'amount', 'host')),
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

INSERT INTO canon (id, company, kind, role, name, details, made_at)
    SELECT id, company, kind, role, name, details, made_at FROM canon_kept;
INSERT INTO canon_name (company, kind, key, canon, alias, place)
    SELECT company, kind, key, canon, alias, place FROM canon_name_kept;
DROP TABLE canon_kept;
DROP TABLE canon_name_kept;
