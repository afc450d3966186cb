-- Ids are 16 bytes (UUIDv7), times are milliseconds, lists and records are JSON as text.

CREATE TABLE users (
  id BLOB PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

-- Tokens of every sort are kept as their SHA-256; the plain value is shown once.
CREATE TABLE sessions (
  hash BLOB PRIMARY KEY NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_expiry ON sessions (expires_ms);

CREATE TABLE tokens (
  id BLOB PRIMARY KEY NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  revoked_ms INTEGER
) STRICT;

CREATE TABLE login_links (
  hash BLOB PRIMARY KEY NOT NULL,
  user_id BLOB NOT NULL REFERENCES users (id),
  expires_ms INTEGER NOT NULL,
  used_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE personas (
  id BLOB PRIMARY KEY NOT NULL,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT,
  description TEXT NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  profile TEXT NOT NULL,
  hosts TEXT NOT NULL,
  model TEXT,
  failure_streak INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE messages (
  id BLOB PRIMARY KEY NOT NULL,
  persona BLOB NOT NULL,
  kind TEXT NOT NULL,
  sender TEXT NOT NULL,
  text TEXT NOT NULL,
  goal BLOB NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL,
  received_ms INTEGER NOT NULL,
  serve_by_ms INTEGER NOT NULL,
  trace BLOB NOT NULL,
  correlation TEXT,
  project TEXT
) STRICT;
CREATE INDEX messages_inbox ON messages (persona, state);
CREATE INDEX messages_persona ON messages (persona, id);
CREATE INDEX messages_goal ON messages (goal);
CREATE UNIQUE INDEX messages_correlation ON messages (persona, correlation) WHERE correlation IS NOT NULL;

-- first_seq and last_seq: where its receipts lie on the persona's chain (also of runs).
CREATE TABLE goals (
  id BLOB PRIMARY KEY NOT NULL,
  persona BLOB NOT NULL,
  title TEXT NOT NULL,
  payload TEXT NOT NULL,
  proof TEXT NOT NULL,
  state TEXT NOT NULL,
  parked_on TEXT,
  attempts INTEGER NOT NULL,
  last_error TEXT,
  result TEXT,
  due_ms INTEGER,
  version INTEGER NOT NULL,
  trace BLOB NOT NULL,
  correlation TEXT,
  project TEXT,
  created_by TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL
) STRICT;
CREATE INDEX goals_persona ON goals (persona, id);
CREATE INDEX goals_state ON goals (state, persona);

CREATE TABLE runs (
  id BLOB PRIMARY KEY NOT NULL,
  goal BLOB NOT NULL,
  persona BLOB NOT NULL,
  attempt INTEGER NOT NULL,
  state TEXT NOT NULL,
  started_ms INTEGER NOT NULL,
  ended_ms INTEGER,
  error TEXT,
  trace BLOB NOT NULL,
  waited_ms INTEGER NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER
) STRICT;
CREATE INDEX runs_goal ON runs (goal);
CREATE INDEX runs_persona ON runs (persona, id);

-- The log. Each index more costs a quarter of the speed; goals and runs hold ranges of (chain, seq) instead.
CREATE TABLE receipts (
  pos INTEGER PRIMARY KEY NOT NULL,
  node TEXT NOT NULL,
  chain BLOB NOT NULL,
  seq INTEGER NOT NULL,
  header TEXT NOT NULL,
  hash BLOB NOT NULL,
  salt BLOB,
  body TEXT,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  phase TEXT,
  run BLOB
) STRICT;
CREATE UNIQUE INDEX receipts_chain ON receipts (chain, seq);

CREATE TABLE checkpoints (
  chain BLOB NOT NULL,
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  signature BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (chain, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
  node TEXT NOT NULL,
  key_id TEXT NOT NULL,
  public_key BLOB NOT NULL,
  since_ms INTEGER NOT NULL,
  PRIMARY KEY (node, key_id)
) STRICT, WITHOUT ROWID;

-- Which chain named which artifact first, and what it called it. The bytes lie in files.
CREATE TABLE blobs (
  hash BLOB NOT NULL,
  chain BLOB NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (hash, chain)
) STRICT, WITHOUT ROWID;

CREATE TABLE secrets (
  owner TEXT NOT NULL,
  name TEXT NOT NULL,
  key_id TEXT NOT NULL,
  nonce BLOB NOT NULL,
  sealed BLOB NOT NULL,
  last_four TEXT NOT NULL,
  updated_ms INTEGER NOT NULL,
  PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE alerts (
  id BLOB PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  persona BLOB,
  goal BLOB,
  text TEXT NOT NULL,
  raised_ms INTEGER NOT NULL,
  resolved_ms INTEGER
) STRICT;
CREATE INDEX alerts_open ON alerts (raised_ms) WHERE resolved_ms IS NULL;
