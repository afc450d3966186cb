-- What a persona may do without asking, as JSON: its autonomy, and rules for tools and hosts.
ALTER TABLE personas ADD COLUMN permissions TEXT NOT NULL DEFAULT '{"autonomy":"supervised","rules":[]}';

-- What people were asked about, and what they said. `digest` is of the exact call and page.
CREATE TABLE approvals (
  id BYTEA PRIMARY KEY NOT NULL,
  persona BYTEA NOT NULL,
  goal BYTEA NOT NULL,
  run BYTEA NOT NULL,
  step INTEGER NOT NULL,
  call_key TEXT NOT NULL,
  tool TEXT NOT NULL,
  digest BYTEA NOT NULL,
  state TEXT NOT NULL,
  subject TEXT NOT NULL,
  again BOOLEAN NOT NULL,
  asked_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL,
  decided_by TEXT,
  decided_ms BIGINT,
  note TEXT
);
CREATE INDEX approvals_goal ON approvals (goal);
CREATE INDEX approvals_waiting ON approvals (expires_ms) WHERE state = 'waiting';

-- What may be done on a host beyond what personas may, one row per host.
CREATE TABLE host_policies (
  host TEXT PRIMARY KEY NOT NULL,
  version BIGINT NOT NULL,
  policy TEXT NOT NULL
);
