-- A warning may be about a thing (a stop line, an event on the road) instead of another road user.
ALTER TABLE IF EXISTS city.warning ALTER COLUMN other_device_key DROP NOT NULL;
ALTER TABLE IF EXISTS city.warning ADD COLUMN IF NOT EXISTS subject_kind text;
ALTER TABLE IF EXISTS city.warning ADD COLUMN IF NOT EXISTS subject_id text;
