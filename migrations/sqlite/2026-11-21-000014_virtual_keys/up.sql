-- Keys of programs that ask models through the gateway, or talk to a persona. The plain key is kept nowhere.
CREATE TABLE virtual_keys (
  id BLOB PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL UNIQUE,
  tail TEXT NOT NULL,
  persona BLOB,
  models TEXT NOT NULL,
  per_minute INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER
) STRICT;

-- The persona that a user talks to when none is named.
CREATE TABLE active_personas (
  user_id BLOB PRIMARY KEY NOT NULL,
  persona BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- A program's call belongs to no goal, and to no persona unless its key does.
ALTER TABLE ledger_entries RENAME TO ledger_entries_before;
DROP INDEX ledger_entries_open;
CREATE TABLE ledger_entries (
  id BLOB PRIMARY KEY NOT NULL,
  persona BLOB,
  user_name TEXT NOT NULL,
  goal BLOB,
  run BLOB,
  step INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  reserved_micro_usd INTEGER NOT NULL,
  settled_ms INTEGER,
  spent_tokens INTEGER NOT NULL,
  spent_micro_usd INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_entries (id, persona, user_name, goal, run, step, at_ms, reserved_tokens, reserved_micro_usd,
  settled_ms, spent_tokens, spent_micro_usd)
  SELECT id, persona, user_name, goal, run, step, at_ms, reserved_tokens, reserved_micro_usd, settled_ms, spent_tokens,
    spent_micro_usd FROM ledger_entries_before;
DROP TABLE ledger_entries_before;
CREATE INDEX ledger_entries_open ON ledger_entries (goal) WHERE settled_ms IS NULL;
