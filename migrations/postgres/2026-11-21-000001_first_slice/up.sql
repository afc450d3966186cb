-- Ids are 16 bytes (UUIDv7), times are milliseconds, lists and records are JSON as text.

CREATE TABLE users (
  id BYTEA PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);

-- Tokens of every sort are kept as their SHA-256; the plain value is shown once.
CREATE TABLE sessions (
  hash BYTEA PRIMARY KEY NOT NULL,
  user_id BYTEA NOT NULL REFERENCES users (id),
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_ms);

CREATE TABLE tokens (
  id BYTEA PRIMARY KEY NOT NULL,
  user_id BYTEA NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  hash BYTEA NOT NULL UNIQUE,
  created_ms BIGINT NOT NULL,
  revoked_ms BIGINT
);

CREATE TABLE login_links (
  hash BYTEA PRIMARY KEY NOT NULL,
  user_id BYTEA NOT NULL REFERENCES users (id),
  expires_ms BIGINT NOT NULL,
  used_ms BIGINT
);

CREATE TABLE personas (
  id BYTEA PRIMARY KEY NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT,
  description TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  profile TEXT NOT NULL,
  hosts TEXT NOT NULL,
  model TEXT,
  failure_streak INTEGER NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);

CREATE TABLE messages (
  id BYTEA PRIMARY KEY NOT NULL,
  persona BYTEA NOT NULL,
  kind TEXT NOT NULL,
  sender TEXT NOT NULL,
  text TEXT NOT NULL,
  goal BYTEA NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL,
  received_ms BIGINT NOT NULL,
  serve_by_ms BIGINT NOT NULL,
  trace BYTEA NOT NULL,
  correlation TEXT,
  project TEXT
) WITH (fillfactor = 80);
CREATE INDEX messages_inbox ON messages (persona, state);
CREATE INDEX messages_persona ON messages (persona, id);
CREATE INDEX messages_goal ON messages (goal);
CREATE UNIQUE INDEX messages_correlation ON messages (persona, correlation) WHERE correlation IS NOT NULL;

-- first_seq and last_seq: where its receipts lie on the persona's chain (also of runs).
CREATE TABLE goals (
  id BYTEA PRIMARY KEY NOT NULL,
  persona BYTEA NOT NULL,
  title TEXT NOT NULL,
  payload TEXT NOT NULL,
  proof TEXT NOT NULL,
  state TEXT NOT NULL,
  parked_on TEXT,
  attempts INTEGER NOT NULL,
  last_error TEXT,
  result TEXT,
  due_ms BIGINT,
  version BIGINT NOT NULL,
  trace BYTEA NOT NULL,
  correlation TEXT,
  project TEXT,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL,
  first_seq BIGINT NOT NULL,
  last_seq BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX goals_persona ON goals (persona, id);
CREATE INDEX goals_state ON goals (state, persona);

CREATE TABLE runs (
  id BYTEA PRIMARY KEY NOT NULL,
  goal BYTEA NOT NULL,
  persona BYTEA NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  started_ms BIGINT NOT NULL,
  ended_ms BIGINT,
  error TEXT,
  trace BYTEA NOT NULL,
  waited_ms BIGINT NOT NULL,
  first_seq BIGINT NOT NULL,
  last_seq BIGINT
) WITH (fillfactor = 80);
CREATE INDEX runs_goal ON runs (goal);
CREATE INDEX runs_persona ON runs (persona, id);

-- The log. Each index more costs a quarter of the speed; goals and runs hold ranges of (chain, seq) instead.
CREATE TABLE receipts (
  node TEXT NOT NULL,
  pos BIGINT NOT NULL,
  chain BYTEA NOT NULL,
  seq BIGINT NOT NULL,
  header TEXT NOT NULL,
  hash BYTEA NOT NULL,
  salt BYTEA,
  body TEXT,
  at_ms BIGINT NOT NULL,
  kind TEXT NOT NULL,
  phase TEXT,
  run BYTEA,
  PRIMARY KEY (node, pos)
);
CREATE UNIQUE INDEX receipts_chain ON receipts (chain, seq);

CREATE TABLE checkpoints (
  chain BYTEA NOT NULL,
  seq BIGINT NOT NULL,
  hash BYTEA NOT NULL,
  signature BYTEA NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (chain, seq)
);

CREATE TABLE signing_keys (
  node TEXT NOT NULL,
  key_id TEXT NOT NULL,
  public_key BYTEA NOT NULL,
  since_ms BIGINT NOT NULL,
  PRIMARY KEY (node, key_id)
);

-- Which chain named which artifact first, and what it called it. The bytes lie in files.
CREATE TABLE blobs (
  hash BYTEA NOT NULL,
  chain BYTEA NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (hash, chain)
);

CREATE TABLE secrets (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  key_id TEXT NOT NULL,
  nonce BYTEA NOT NULL,
  sealed BYTEA NOT NULL,
  last_four TEXT NOT NULL,
  updated_ms BIGINT NOT NULL,
  PRIMARY KEY (owner, name)
);

CREATE TABLE alerts (
  id BYTEA PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  persona BYTEA,
  goal BYTEA,
  text TEXT NOT NULL,
  raised_ms BIGINT NOT NULL,
  resolved_ms BIGINT
);
CREATE INDEX alerts_open ON alerts (raised_ms) WHERE resolved_ms IS NULL;
