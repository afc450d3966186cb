-- The list of goals that wait for a person to say whether something happened walks an index of those alone.
CREATE INDEX goals_to_reconcile ON goals (id) WHERE state = 'parked' AND parked_on = 'reconcile';
