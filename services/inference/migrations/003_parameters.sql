-- Which parameters a site's applications went by: the register's version, why a newer one was refused, and what is not the default.
ALTER TABLE IF EXISTS city.judging ADD COLUMN IF NOT EXISTS parameters_version bigint;
ALTER TABLE IF EXISTS city.judging ADD COLUMN IF NOT EXISTS parameters_refused text;
ALTER TABLE IF EXISTS city.judging ADD COLUMN IF NOT EXISTS parameters jsonb;
