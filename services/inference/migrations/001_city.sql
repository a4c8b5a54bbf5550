-- What inference found: warnings and the state of road segments. One writer: services/inference.
-- The series city.warning and city.segment_state are created by services/inference/storage.py (hypertable or partitions).
CREATE SCHEMA IF NOT EXISTS city;
