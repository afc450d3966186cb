-- A persona with grants and an agent of its own, as this migration's code wrote it.
INSERT INTO personas (id, slug, name, role, description, status, version, profile, hosts, model, failure_streak,
  created_ms, updated_ms, grants, agents) VALUES (x'01939e00000070008000000000000151', 'granted', 'Granted', NULL, '', 'active', 1, '{}', '[]',
  NULL, 0, 1732492800000, 1732492800000, '{"http_fetch":true,"own":false}',
  '[{"name":"researcher","instructions":"Look twice.","tools":["browser_navigate"]}]');
