-- A key, a call that it reserved money for and nobody settled, and whom the owner talks to.
INSERT INTO virtual_keys (id, name, hash, tail, persona, models, per_minute, created_by, created_ms, revoked_ms) VALUES
  (x'01939e00000070008000000000000061', 'ci', x'6161616161616161616161616161616161616161616161616161616161616161', 'wxyz',
   NULL, '["house","persona/*"]', 60, 'owner', 1732492800000, NULL);
INSERT INTO ledger_entries (id, persona, user_name, goal, run, step, at_ms, reserved_tokens, reserved_micro_usd,
  settled_ms, spent_tokens, spent_micro_usd) VALUES
  (x'01939e00000070008000000000000062', NULL, 'key:ci', NULL, NULL, 0, 1732579200000, 800, 60, NULL, 0, 0);
INSERT INTO ledger_totals (scope, slot_ms, reserved_tokens, reserved_micro_usd, spent_tokens, spent_micro_usd) VALUES
  ('key:ci', 1732579200000, 800, 60, 0, 0), ('company', 1732579200000, 800, 60, 0, 0);
INSERT INTO active_personas (user_id, persona) SELECT id, x'01939e00000070008000000000000001' FROM users LIMIT 1;
