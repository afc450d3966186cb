-- An approval that was given, once asked anew, and a host's policy, as this migration's code wrote them.
INSERT INTO approvals (id, persona, goal, run, step, call_key, tool, digest, state, subject, again, asked_ms, expires_ms,
  decided_by, decided_ms, note) VALUES (x'01939e00000070008000000000000051', x'01939e00000070008000000000000001', x'01939e00000070008000000000000003', x'01939e00000070008000000000000005', 2, '01939e00-0000-7000-8000-000000000003:2', 'browser_click',
  x'abababababababababababababababababababababababababababababababab', 'approved',
  '{"label":"browser_click #send","args":{"action":"click","selector":"#send"},"page":{"address":"http://a.test/"},"host":"a.test","rule":"autonomy: supervised"}',
  1, 1732492800000, 1732579200000, 'owner', 1732492900000, 'fine');
INSERT INTO host_policies (host, version, policy) VALUES ('a.test', 2,
  '{"actions":["browser_click"],"acts_per_1000_s":200,"disclosure":"Written by a machine.","outreach":{"recipients":["bo@a.test"],"opted_out":[]}}');
UPDATE personas SET permissions = '{"autonomy":"full","rules":[{"tool":"browser_click","host":"=a.test","say":"ask"}]}' WHERE id = x'01939e00000070008000000000000001';
