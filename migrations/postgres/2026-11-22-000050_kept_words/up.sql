-- Whether the words of a program's calls are kept as artifacts: for a key that was made before, they are not.
ALTER TABLE virtual_keys ADD COLUMN keeps_words BOOLEAN NOT NULL DEFAULT FALSE;
