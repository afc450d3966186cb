-- What personas start again and again. `starts`: a chat text or a goal, as JSON; due times up to `handled_ms` are
-- dealt with; `last_*`: what the last of them started.
CREATE TABLE schedules (
  id BLOB PRIMARY KEY NOT NULL,
  persona BLOB NOT NULL,
  name TEXT NOT NULL,
  cron TEXT NOT NULL,
  starts TEXT NOT NULL,
  active INTEGER NOT NULL,
  version INTEGER NOT NULL,
  handled_ms INTEGER NOT NULL,
  last_due_ms INTEGER,
  last_goal BLOB,
  last_missed INTEGER,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX schedules_persona ON schedules (persona);

-- The goals that a persona does first in an hour, with their scores, as JSON; only the last hour is kept here, the
-- receipts know them all.
CREATE TABLE big_threes (
  persona BLOB PRIMARY KEY NOT NULL,
  hour_ms INTEGER NOT NULL,
  goals TEXT NOT NULL
) STRICT;
