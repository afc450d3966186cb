-- Tools that people try by hand, from the intent to the outcome: what is here at a start may have happened.
CREATE TABLE tryouts (
  id BLOB PRIMARY KEY NOT NULL,
  tool TEXT NOT NULL,
  persona BLOB,
  effect TEXT NOT NULL,
  tried_by TEXT NOT NULL,
  trace BLOB NOT NULL,
  begun_ms INTEGER NOT NULL
) STRICT;
