-- Tools that people try by hand, from the intent to the outcome: what is here at a start may have happened.
CREATE TABLE tryouts (
  id BYTEA PRIMARY KEY NOT NULL,
  tool TEXT NOT NULL,
  persona BYTEA,
  effect TEXT NOT NULL,
  tried_by TEXT NOT NULL,
  trace BYTEA NOT NULL,
  begun_ms BIGINT NOT NULL
);
