-- Whether the priority was worked out from the text; otherwise its sender gave it.
ALTER TABLE messages ADD COLUMN scored BOOLEAN NOT NULL DEFAULT FALSE;
