-- What changed the pin of a memory: few entries of the log, and asked for by memory. An entry that was
-- damaged is found when it is read, and is in the way of nothing else.
CREATE INDEX memory_log_pin
    ON memory_log (CASE WHEN json_valid(event) THEN event ->> '$.memory' END) WHERE kind = 3;
