-- Whose people are: they may see the data of their own vehicles, and of what is mounted on them, on every site.
ALTER TABLE register.person ADD COLUMN team text REFERENCES register.organisation;
CREATE INDEX person_team ON register.person (team) WHERE team IS NOT NULL;
