-- What the planner has to know to find devices: which properties go together, and how common each label is. Without the first it
-- walks the whole register for two filters that exclude each other; with a hundred values, half of it for a rare label.
CREATE STATISTICS register.device_sorts (mcv) ON kind, subtype, lifecycle, vehicle_kind FROM register.device;
ALTER TABLE register.device ALTER COLUMN labels SET STATISTICS 300;
