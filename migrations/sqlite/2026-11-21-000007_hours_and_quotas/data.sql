-- A persona with hours of its own, as this migration's code wrote it.
INSERT INTO personas (id, slug, name, role, description, status, version, profile, hosts, model, failure_streak,
  created_ms, updated_ms, zone, wakes_minute, sleeps_minute, quotas, autoplan, planned) VALUES (x'01939e00000070008000000000000031', 'bo', 'Bo', 'worker', '', 'active', 1, '{"style_primer":"Short."}', '[]',
  NULL, 0, 1732492800000, 1732492800000, 'Europe/Berlin', 540, 1050,
  '{"post":{"floor":1,"ceiling":3}}', '{"on":true,"work":[{"template":"social.post","params":{"platform":"rehearsal"}}]}', 1);
INSERT INTO quota_uses (goal, persona, unit, units, at_ms, begun) VALUES (x'01939e00000070008000000000000003', x'01939e00000070008000000000000001',
  'post', 2, 1732492800000, 1);
