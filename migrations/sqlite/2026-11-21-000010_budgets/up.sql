-- What may be spent, one row per scope: `company`, `user:<name>`, `key:<name>`, `persona:<id>`.
CREATE TABLE budgets (
  scope TEXT PRIMARY KEY NOT NULL,
  version INTEGER NOT NULL,
  limits TEXT NOT NULL
) STRICT;

-- What calls reserved, and what became of it. It counts for the moment at which it was reserved.
CREATE TABLE ledger_entries (
  id BLOB PRIMARY KEY NOT NULL,
  persona BLOB NOT NULL,
  user_name TEXT NOT NULL,
  goal BLOB NOT NULL,
  run BLOB NOT NULL,
  step INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  reserved_micro_usd INTEGER NOT NULL,
  settled_ms INTEGER,
  spent_tokens INTEGER NOT NULL,
  spent_micro_usd INTEGER NOT NULL
) STRICT;
CREATE INDEX ledger_entries_open ON ledger_entries (goal) WHERE settled_ms IS NULL;

-- The same added up, by scope and quarter of an hour: the days of every zone are made of those.
CREATE TABLE ledger_totals (
  scope TEXT NOT NULL,
  slot_ms INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  reserved_micro_usd INTEGER NOT NULL,
  spent_tokens INTEGER NOT NULL,
  spent_micro_usd INTEGER NOT NULL,
  PRIMARY KEY (scope, slot_ms)
) STRICT, WITHOUT ROWID;
