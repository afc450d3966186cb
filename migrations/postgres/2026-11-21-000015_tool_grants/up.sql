-- What was said about a persona's tools, and its named variants.
ALTER TABLE personas ADD COLUMN grants TEXT NOT NULL DEFAULT '{}';
ALTER TABLE personas ADD COLUMN agents TEXT NOT NULL DEFAULT '[]';
