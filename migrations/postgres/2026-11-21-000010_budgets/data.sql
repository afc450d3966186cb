-- A persona's budget, a call that was settled and one that was not, as this migration's code wrote them.
INSERT INTO budgets (scope, version, limits) VALUES ('persona:01939e00-0000-7000-8000-000000000001', 3,
  '[{"period":"day","unit":"micro_usd","soft":800000,"hard":1000000}]');
INSERT INTO ledger_entries (id, persona, user_name, goal, run, step, at_ms, reserved_tokens, reserved_micro_usd,
  settled_ms, spent_tokens, spent_micro_usd) VALUES
  ('\x01939e00000070008000000000000041', '\x01939e00000070008000000000000001', 'owner', '\x01939e00000070008000000000000003',
   '\x01939e00000070008000000000000005', 0, 1732492800000, 900, 70, 1732492801000, 400, 30),
  ('\x01939e00000070008000000000000042', '\x01939e00000070008000000000000001', 'owner', '\x01939e00000070008000000000000003',
   '\x01939e00000070008000000000000005', 0, 1732492802000, 800, 60, NULL, 0, 0);
INSERT INTO ledger_totals (scope, slot_ms, reserved_tokens, reserved_micro_usd, spent_tokens, spent_micro_usd) VALUES
  ('persona:01939e00-0000-7000-8000-000000000001', 1732492800000, 800, 60, 400, 30),
  ('user:owner', 1732492800000, 800, 60, 400, 30),
  ('company', 1732492800000, 800, 60, 400, 30);
