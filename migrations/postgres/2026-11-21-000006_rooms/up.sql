-- Rooms: where several personas and people talk. name_key: the name in lower case; no two rooms share one.
CREATE TABLE rooms (
  id BYTEA PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE,
  topic TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
);

-- kind: person (a user, with the name at that time) or persona.
CREATE TABLE room_members (
  room BYTEA NOT NULL,
  member BYTEA NOT NULL,
  kind TEXT NOT NULL,
  name TEXT,
  joined_ms BIGINT NOT NULL,
  PRIMARY KEY (room, member)
);
CREATE INDEX room_members_member ON room_members (member);

-- author: none for an operator at the command line. goal: whose answer it is; none: a person said it. run, receipt: what shows it.
CREATE TABLE room_messages (
  id BYTEA PRIMARY KEY NOT NULL,
  room BYTEA NOT NULL,
  kind TEXT NOT NULL,
  author BYTEA,
  author_name TEXT NOT NULL,
  text TEXT NOT NULL,
  goal BYTEA,
  reply_to BYTEA,
  run BYTEA,
  receipt BYTEA,
  at_ms BIGINT NOT NULL,
  trace BYTEA NOT NULL,
  correlation TEXT
);
CREATE INDEX room_messages_room ON room_messages (room, id);
CREATE UNIQUE INDEX room_messages_correlation ON room_messages (room, correlation) WHERE correlation IS NOT NULL;

-- A persona's turn about one message: its intention (thought, relevance), and whether it got the floor.
CREATE TABLE room_turns (
  goal BYTEA PRIMARY KEY NOT NULL,
  message BYTEA NOT NULL,
  room BYTEA NOT NULL,
  about BYTEA NOT NULL,
  persona BYTEA NOT NULL,
  from_person BOOLEAN NOT NULL,
  named BOOLEAN NOT NULL,
  state TEXT NOT NULL,
  thought TEXT NOT NULL,
  relevance INTEGER NOT NULL,
  reluctant BOOLEAN NOT NULL,
  why TEXT NOT NULL,
  opened_ms BIGINT NOT NULL,
  granted_ms BIGINT,
  moved_ms BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX room_turns_state ON room_turns (state, room);
CREATE INDEX room_turns_about ON room_turns (about);
CREATE INDEX room_turns_granted ON room_turns (room, granted_ms) WHERE granted_ms IS NOT NULL;
