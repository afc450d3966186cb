-- Goals that a goal waits for. `if_failed`: what becomes of it when one of them is over but not done.
CREATE TABLE goal_dependencies (
  goal BLOB NOT NULL,
  prerequisite BLOB NOT NULL,
  if_failed TEXT NOT NULL,
  PRIMARY KEY (goal, prerequisite)
) STRICT;
CREATE INDEX goal_dependencies_prerequisite ON goal_dependencies (prerequisite);
