-- What a mail was asked for by. Unique for ever: causes of mails that were let go are kept apart.
ALTER TABLE mail ADD COLUMN cause TEXT;
CREATE UNIQUE INDEX mail_cause ON mail (cause) WHERE cause IS NOT NULL;
CREATE TABLE past_cause (
    cause     TEXT PRIMARY KEY,
    mail_id   INTEGER NOT NULL,
    -- Or else it was abandoned.
    delivered INTEGER NOT NULL CHECK (delivered IN (0, 1))
) STRICT, WITHOUT ROWID;

-- The attempt that failed last. While it is the latest one, nobody holds the mail.
ALTER TABLE mail ADD COLUMN failed_attempt INTEGER;

-- Set for the iterations of a draft: number, number of the last one, seed of the first one, and the
-- one before with its file. A draft lies in Drafts of its sender under `sent_name`. Its subject and
-- `new_text` are those of the whole text from the beginning, `text` is what it shows. Its
-- `recipient_home` is the sender's, and it counts as read.
ALTER TABLE mail ADD COLUMN draft_iteration INTEGER;
ALTER TABLE mail ADD COLUMN draft_last INTEGER;
ALTER TABLE mail ADD COLUMN draft_seed INTEGER;
ALTER TABLE mail ADD COLUMN draft_previous INTEGER;
ALTER TABLE mail ADD COLUMN draft_previous_name TEXT;
-- Whether the next iteration took its place.
ALTER TABLE mail ADD COLUMN draft_replaced INTEGER NOT NULL DEFAULT 0
    CHECK (draft_replaced IN (0, 1));
CREATE UNIQUE INDEX mail_draft_previous ON mail (draft_previous)
    WHERE draft_previous IS NOT NULL AND state <> 'abandoned';
CREATE INDEX mail_draft_open ON mail (sender_home)
    WHERE draft_iteration < draft_last AND draft_replaced = 0;

-- The latest date of a mail or draft that was delivered there. It stays when that mail goes.
ALTER TABLE decky ADD COLUMN last_change INTEGER;
UPDATE decky SET last_change = found.sent_at
    FROM (SELECT home, max(sent_at) AS sent_at
          FROM (SELECT sender_home AS home, sent_at FROM mail WHERE state = 'delivered'
                UNION ALL
                SELECT recipient_home, sent_at FROM mail WHERE state = 'delivered'
                UNION ALL
                SELECT c.home_id, m.sent_at FROM mail_copy c JOIN mail m ON m.id = c.mail_id
                WHERE m.state = 'delivered')
          GROUP BY home) AS found
    WHERE found.home = decky.id;

-- Who lives on a decky and can be written to, and when they work.
CREATE INDEX persona_owner ON persona (home_id, schedule_id)
    WHERE available = 1 AND home_id IS NOT NULL;
