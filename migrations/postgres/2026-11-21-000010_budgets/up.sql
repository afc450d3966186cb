-- What may be spent, one row per scope: `company`, `user:<name>`, `key:<name>`, `persona:<id>`.
CREATE TABLE budgets (
  scope TEXT PRIMARY KEY NOT NULL,
  version BIGINT NOT NULL,
  limits TEXT NOT NULL
);

-- What calls reserved, and what became of it. It counts for the moment at which it was reserved.
CREATE TABLE ledger_entries (
  id BYTEA PRIMARY KEY NOT NULL,
  persona BYTEA NOT NULL,
  user_name TEXT NOT NULL,
  goal BYTEA NOT NULL,
  run BYTEA NOT NULL,
  step INTEGER NOT NULL,
  at_ms BIGINT NOT NULL,
  reserved_tokens BIGINT NOT NULL,
  reserved_micro_usd BIGINT NOT NULL,
  settled_ms BIGINT,
  spent_tokens BIGINT NOT NULL,
  spent_micro_usd BIGINT NOT NULL
);
CREATE INDEX ledger_entries_open ON ledger_entries (goal) WHERE settled_ms IS NULL;

-- The same added up, by scope and quarter of an hour: the days of every zone are made of those.
CREATE TABLE ledger_totals (
  scope TEXT NOT NULL,
  slot_ms BIGINT NOT NULL,
  reserved_tokens BIGINT NOT NULL,
  reserved_micro_usd BIGINT NOT NULL,
  spent_tokens BIGINT NOT NULL,
  spent_micro_usd BIGINT NOT NULL,
  PRIMARY KEY (scope, slot_ms)
);
