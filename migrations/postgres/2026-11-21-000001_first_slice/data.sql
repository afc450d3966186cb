-- One row of each table as this migration's code wrote it; secrets would need their key file.
INSERT INTO users (id, name, role, created_ms) VALUES ('\x01939e00000070008000000000000006', 'owner', 'owner', 1732492800000);
INSERT INTO sessions (hash, user_id, created_ms, expires_ms)
  VALUES ('\x1111111111111111111111111111111111111111111111111111111111111111', '\x01939e00000070008000000000000006', 1732492800000, 4102444800000);
INSERT INTO tokens (id, user_id, name, hash, created_ms) VALUES ('\x01939e00000070008000000000000007', '\x01939e00000070008000000000000006', 'ci', '\x2222222222222222222222222222222222222222222222222222222222222222', 1732492800000);
INSERT INTO login_links (hash, user_id, expires_ms) VALUES ('\x3333333333333333333333333333333333333333333333333333333333333333', '\x01939e00000070008000000000000006', 1732492800000);
INSERT INTO personas (id, slug, name, role, description, status, version, profile, hosts, model, failure_streak,
  created_ms, updated_ms) VALUES ('\x01939e00000070008000000000000001', 'ada', 'Ada', 'worker', '', 'active', 1, '{"style_primer":"Short."}', '[]',
  NULL, 0, 1732492800000, 1732492800000);
INSERT INTO messages (id, persona, kind, sender, text, goal, priority, state, received_ms, serve_by_ms, trace,
  correlation, project) VALUES ('\x01939e00000070008000000000000002', '\x01939e00000070008000000000000001', 'goal', 'owner', 'write a line', '\x01939e00000070008000000000000003', 500, 'running',
  1732492800000, 1732496400000, '\x01939e00000070008000000000000007', 'order-7', NULL);
INSERT INTO goals (id, persona, title, payload, proof, state, parked_on, attempts, last_error, result, due_ms, version,
  trace, correlation, project, created_by, created_ms, updated_ms, first_seq, last_seq) VALUES ('\x01939e00000070008000000000000003', '\x01939e00000070008000000000000001',
  'write a line', '{"kind":"ai","prompt":"Write a line.","length":"short"}', '{"assertions":[],"artifacts":[]}',
  'running', NULL, 1, NULL, NULL, NULL, 2, '\x01939e00000070008000000000000007', 'order-7', NULL, 'owner', 1732492800000, 1732492800000, 1, 1);
INSERT INTO runs (id, goal, persona, attempt, state, started_ms, ended_ms, error, trace, waited_ms, first_seq, last_seq)
  VALUES ('\x01939e00000070008000000000000004', '\x01939e00000070008000000000000003', '\x01939e00000070008000000000000001', 1, 'running', 1732492800000, NULL, NULL, '\x01939e00000070008000000000000007', 0, 1, NULL);
INSERT INTO receipts (pos, node, chain, seq, header, hash, salt, body, at_ms, kind, phase, run) VALUES (1, 'one',
  '\x01939e00000070008000000000000001', 1,
  '{"v":1,"chain":"01939e00-0000-7000-8000-000000000001","seq":1,"prev":"0000000000000000000000000000000000000000000000000000000000000000","at_ms":1732492800000,"node":"one","kind":"log","goal":"01939e00-0000-7000-8000-000000000003","run":"01939e00-0000-7000-8000-000000000004","body":"e19d72d2cef5bae54291315ddb80419efa5308a5b30ebd72999daa9337b18c31"}',
  '\x9ba1056e02f8c1f540f8b0b0c97f146c0671b9ebe86863ab8bb1a1a6dcd673a5', '\x000102030405060708090a0b0c0d0e0f', '{"summary":"delivered"}',
  1732492800000, 'log', NULL, '\x01939e00000070008000000000000004');
INSERT INTO checkpoints (chain, seq, hash, signature, at_ms)
  VALUES ('\x01939e00000070008000000000000001', 1, '\x9ba1056e02f8c1f540f8b0b0c97f146c0671b9ebe86863ab8bb1a1a6dcd673a5', '\x44444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444444', 1732492800000);
INSERT INTO signing_keys (node, key_id, public_key, since_ms) VALUES ('one', '00ff', '\x5555555555555555555555555555555555555555555555555555555555555555', 1732492800000);
INSERT INTO blobs (hash, chain, kind, name, media_type, bytes, at_ms)
  VALUES ('\x6666666666666666666666666666666666666666666666666666666666666666', '\x01939e00000070008000000000000001', 'file', 'a.txt', 'text/plain', 3, 1732492800000);
INSERT INTO alerts (id, kind, persona, goal, text, raised_ms, resolved_ms)
  VALUES ('\x01939e00000070008000000000000005', 'reconcile', '\x01939e00000070008000000000000001', '\x01939e00000070008000000000000003', 'did it happen?', 1732492800000, NULL);
