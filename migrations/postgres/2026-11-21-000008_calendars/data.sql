-- A line of a calendar that has started something, and a persona's big three, as this migration's code wrote them.
INSERT INTO schedules (id, persona, name, cron, starts, active, version, handled_ms, last_due_ms, last_goal,
  last_missed, created_by, created_ms, updated_ms) VALUES ('\x01939e00000070008000000000000041', '\x01939e00000070008000000000000001',
  'morning line', '0 9 * * MON-FRI', '{"as":"goal","title":"write a line","payload":{"kind":"ai","prompt":"Write a line.","length":"short"},"proof":{"assertions":[],"artifacts":[]},"priority":700}',
  true, 2, 1732492800000, 1732492800000, '\x01939e00000070008000000000000003', 1, 'owner', 1732492800000, 1732492800000);
INSERT INTO big_threes (persona, hour_ms, goals) VALUES ('\x01939e00000070008000000000000001', 1732492800000,
  '[{"goal":"01939e00-0000-7000-8000-000000000003","points":500,"parts":[{"what":"priority","points":500,"why":"priority 0.500"}]}]');
