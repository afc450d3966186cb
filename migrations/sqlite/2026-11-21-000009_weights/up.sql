-- A persona's share of the company's time over an ordinary one, in thousandths.
ALTER TABLE personas ADD COLUMN weight INTEGER NOT NULL DEFAULT 1000;
