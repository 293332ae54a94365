-- Who is called what in a company, for those who make up colleagues that are nobody's namesakes.
CREATE INDEX persona_first_name ON persona (
    lower(substr(email, instr(email, '@') + 1)),
    lower(substr(definition ->> '$.name', 1, instr((definition ->> '$.name') || ' ', ' ') - 1))
);
