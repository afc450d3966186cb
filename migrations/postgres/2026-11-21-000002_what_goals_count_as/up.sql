-- What a proven goal counts as in the numbers of a day: `post`, `proposal`; none: nothing.
ALTER TABLE goals ADD COLUMN unit TEXT;
CREATE INDEX goals_unit ON goals (unit, updated_ms) WHERE unit IS NOT NULL;
