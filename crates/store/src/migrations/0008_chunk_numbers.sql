-- Numbers of chunks are never used again, so that who has read up to one finds all that are newer:
-- the last that was given out.
CREATE TABLE session_chunk_number (
    last INTEGER NOT NULL
) STRICT;
INSERT INTO session_chunk_number (last) SELECT coalesce(max(id), 0) FROM session_chunk;
