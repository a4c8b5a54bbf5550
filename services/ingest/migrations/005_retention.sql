-- How long rows are kept just now, by table, as upkeep last found it: for whoever asks. Null: for ever.
CREATE TABLE stream.retention (
    name       text PRIMARY KEY,                        -- a series, message, report, remark, books
    keep_hours integer,
    is_set     boolean NOT NULL                         -- by people, in the register; else by ingest's own settings
);
