-- What somebody writes their mail with, as JSON; settled with their first mail.
ALTER TABLE persona ADD COLUMN mail_programs TEXT;

-- What a mail is to its thread.
ALTER TABLE mail ADD COLUMN kind TEXT NOT NULL DEFAULT 'new'
    CHECK (kind IN ('new', 'reply', 'forward', 'reply-to-unseen'));
UPDATE mail SET kind = 'reply' WHERE parent_id IS NOT NULL;
-- Name of the mail client it is planned with. Mail of before was written with Thunderbird.
ALTER TABLE mail ADD COLUMN client TEXT NOT NULL DEFAULT 'thunderbird';
ALTER TABLE mail ADD COLUMN thread_index TEXT;

-- Recipients beside the first, in the order of the headers.
CREATE TABLE mail_copy (
    mail_id    INTEGER NOT NULL REFERENCES mail (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    persona_id INTEGER NOT NULL REFERENCES persona (id),
    home_id    INTEGER NOT NULL REFERENCES decky (id),
    login      TEXT NOT NULL,
    field      TEXT NOT NULL CHECK (field IN ('to', 'cc')),
    inbox_name TEXT NOT NULL,
    is_read    INTEGER NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1)),
    vanished   INTEGER NOT NULL DEFAULT 0 CHECK (vanished IN (0, 1)),
    PRIMARY KEY (mail_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_copy_home ON mail_copy (home_id, mail_id);
CREATE INDEX mail_copy_unread ON mail_copy (persona_id, mail_id) WHERE is_read = 0;
