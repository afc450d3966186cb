-- Whether the priority was worked out from the text; otherwise its sender gave it.
ALTER TABLE messages ADD COLUMN scored BOOLEAN NOT NULL DEFAULT FALSE;
-- How often the persona fell over it; the second time makes it a dead letter.
ALTER TABLE messages ADD COLUMN falls INTEGER NOT NULL DEFAULT 0;
