-- How devices do, as they say and as their rows show: one row a device that was ever heard, written by the registry's monitor.
CREATE TABLE register.health (
    device_key     integer PRIMARY KEY REFERENCES register.device ON DELETE CASCADE,
    status         text NOT NULL,                        -- services.registry.health.columns.Status
    since_us       bigint NOT NULL,                      -- of the status
    heard_us       bigint NOT NULL,                      -- the last word of it
    is_off         boolean NOT NULL,                     -- its last will came, or its good-bye
    reason         text NOT NULL DEFAULT '',             -- of being off
    beat_s         double precision,                     -- between its heartbeats, as it says; null: it never did
    problems       text[] NOT NULL DEFAULT '{}',         -- alarm kinds (and parts) that are so now, whether or not they are raised
    skew_s         double precision,                     -- its clock less ours
    latency_ms     double precision,                     -- from event to arrival, its clock's skew taken off
    rates_hz       jsonb NOT NULL DEFAULT '{}',          -- what comes a second, by stream
    stored         bigint NOT NULL DEFAULT 0,            -- rows, counted while the registry runs
    sent           jsonb NOT NULL DEFAULT '{}',          -- frames it says it sent since its start, by stream
    received       jsonb NOT NULL DEFAULT '{}',          -- messages it says it was sent, by stream
    lost           bigint NOT NULL DEFAULT 0,            -- frames of the last minute's that it says it sent and did not come
    lost_share     double precision,                     -- of them all
    cpu_percent    double precision,
    memory_percent double precision,
    disk_percent   double precision,
    rx_bytes_per_s double precision,
    tx_bytes_per_s double precision,
    uptime_s       double precision
) WITH (fillfactor = 50);
CREATE INDEX health_status ON register.health (status);

-- What is expected of devices whose `profile` has this name.
CREATE TABLE register.message_profile (
    name        text PRIMARY KEY,
    heartbeat_s double precision,                        -- null: as the device says
    rates_hz    jsonb NOT NULL DEFAULT '{}'              -- what has to come a second, by stream
);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.message_profile
    FOR EACH ROW EXECUTE FUNCTION register.record_change('name');
