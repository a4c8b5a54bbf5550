-- With several workers: up to which number everything of a device's lane is stored or given up. Numbers of a lane are consecutive.
CREATE TABLE stream.receipt (
    device_key integer NOT NULL,
    lane       text    NOT NULL,                        -- events, backlog (services/ingest/shared_receipts.py)
    through    bigint  NOT NULL,
    PRIMARY KEY (device_key, lane)
);
