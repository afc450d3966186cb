-- The persona's time zone (IANA name) and when it is up, in minutes of its day; 1440 is the day's end.
ALTER TABLE personas ADD COLUMN zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE personas ADD COLUMN wakes_minute INTEGER NOT NULL DEFAULT 0;
ALTER TABLE personas ADD COLUMN sleeps_minute INTEGER NOT NULL DEFAULT 1440;
