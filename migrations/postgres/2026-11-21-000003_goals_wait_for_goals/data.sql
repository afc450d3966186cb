-- A goal that waits for another, as this migration's code wrote it.
INSERT INTO goals (id, persona, title, payload, proof, state, parked_on, attempts, last_error, result, due_ms, version,
  trace, correlation, project, created_by, created_ms, updated_ms, first_seq, last_seq, unit) VALUES ('\x01939e00000070008000000000000023', '\x01939e00000070008000000000000001',
  'read it again', '{"kind":"ai","prompt":"Write a line.","length":"short"}', '{"assertions":[],"artifacts":[]}',
  'parked', 'dependency', 0, NULL, NULL, NULL, 1, '\x01939e00000070008000000000000027', NULL, NULL, 'owner', 1732492800000, 1732492800000, 1, 1, NULL);
INSERT INTO goal_dependencies (goal, prerequisite, if_failed) VALUES ('\x01939e00000070008000000000000023', '\x01939e00000070008000000000000003', 'release');
