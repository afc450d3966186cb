-- A goal as this migration's code wrote it.
INSERT INTO goals (id, persona, title, payload, proof, state, parked_on, attempts, last_error, result, due_ms, version,
  trace, correlation, project, created_by, created_ms, updated_ms, first_seq, last_seq, unit) VALUES ('\x01939e00000070008000000000000013', '\x01939e00000070008000000000000001',
  'hand it in', '{"kind":"ai","prompt":"Write a line.","length":"short"}', '{"assertions":[],"artifacts":[],"counts_as":"proposal"}',
  'done', NULL, 1, NULL, NULL, NULL, 3, '\x01939e00000070008000000000000017', NULL, NULL, 'owner', 1732492800000, 1732492800000, 1, 1, 'proposal');
