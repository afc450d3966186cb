-- Lists of approvals walk an index from one end: those that wait, a persona's, a goal's.
DROP INDEX approvals_waiting;
CREATE INDEX approvals_waiting ON approvals (id, expires_ms) WHERE state = 'waiting';
CREATE INDEX approvals_persona ON approvals (persona, id);
DROP INDEX approvals_goal;
CREATE INDEX approvals_goal ON approvals (goal, id);
