-- What personas start again and again. `starts`: a chat text or a goal, as JSON; due times up to `handled_ms` are
-- dealt with; `last_*`: what the last of them started.
CREATE TABLE schedules (
  id BYTEA PRIMARY KEY NOT NULL,
  persona BYTEA NOT NULL,
  name TEXT NOT NULL,
  cron TEXT NOT NULL,
  starts TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  version BIGINT NOT NULL,
  handled_ms BIGINT NOT NULL,
  last_due_ms BIGINT,
  last_goal BYTEA,
  last_missed INTEGER,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);
CREATE INDEX schedules_persona ON schedules (persona);

-- The goals that a persona does first in an hour, with their scores, as JSON; only the last hour is kept here, the
-- receipts know them all.
CREATE TABLE big_threes (
  persona BYTEA PRIMARY KEY NOT NULL,
  hour_ms BIGINT NOT NULL,
  goals TEXT NOT NULL
);
