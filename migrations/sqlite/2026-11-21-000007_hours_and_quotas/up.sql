-- The persona's time zone (IANA name) and when it is up, in minutes of its day; 1440 is the day's end.
ALTER TABLE personas ADD COLUMN zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE personas ADD COLUMN wakes_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE personas ADD COLUMN sleeps_minute INTEGER NOT NULL DEFAULT 1440;
-- Its own quotas, what its days are planned from, and whether they are.
ALTER TABLE personas ADD COLUMN quotas TEXT NOT NULL DEFAULT '{}';
ALTER TABLE personas ADD COLUMN autoplan TEXT NOT NULL DEFAULT '{}';
ALTER TABLE personas ADD COLUMN planned INTEGER NOT NULL DEFAULT 0;

-- What goals took from the day that holds `at_ms`. It counts while the goal is open or done, and for good once an effect
-- was begun that may have happened.
CREATE TABLE quota_uses (
  goal BLOB PRIMARY KEY NOT NULL,
  persona BLOB NOT NULL,
  unit TEXT NOT NULL,
  units INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  begun INTEGER NOT NULL
) STRICT;
CREATE INDEX quota_uses_day ON quota_uses (unit, at_ms);
CREATE INDEX quota_uses_persona ON quota_uses (persona, at_ms);
CREATE INDEX goals_counted ON goals (persona, created_ms) WHERE unit IS NOT NULL;
INSERT INTO quota_uses (goal, persona, unit, units, at_ms, begun)
  SELECT id, persona, unit, 1, updated_ms, 1 FROM goals WHERE unit IS NOT NULL AND state = 'done';
