-- Keys of programs that ask models through the gateway, or talk to a persona. The plain key is kept nowhere.
CREATE TABLE virtual_keys (
  id BYTEA PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  hash BYTEA NOT NULL UNIQUE,
  tail TEXT NOT NULL,
  persona BYTEA,
  models TEXT NOT NULL,
  per_minute INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  revoked_ms BIGINT
);

-- The persona that a user talks to when none is named.
CREATE TABLE active_personas (
  user_id BYTEA PRIMARY KEY NOT NULL,
  persona BYTEA NOT NULL
);

-- A program's call belongs to no goal, and to no persona unless its key does.
ALTER TABLE ledger_entries ALTER COLUMN persona DROP NOT NULL;
ALTER TABLE ledger_entries ALTER COLUMN goal DROP NOT NULL;
ALTER TABLE ledger_entries ALTER COLUMN run DROP NOT NULL;
