-- Goals that a goal waits for. `if_failed`: what becomes of it when one of them is over but not done.
CREATE TABLE goal_dependencies (
  goal BYTEA NOT NULL,
  prerequisite BYTEA NOT NULL,
  if_failed TEXT NOT NULL,
  PRIMARY KEY (goal, prerequisite)
);
CREATE INDEX goal_dependencies_prerequisite ON goal_dependencies (prerequisite);
