-- What the quality monitors found. One writer: services/quality. A subject is (device_key, region, node, part), −1: does not matter.
CREATE TABLE quality.event (
    event_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id    text             NOT NULL,
    monitor    text             NOT NULL,               -- chelu.quality.monitors.catalogue
    device_key integer          NOT NULL,
    region     integer          NOT NULL,
    node       integer          NOT NULL,
    part       bigint           NOT NULL,               -- a phase, a lane or a place, as the monitor says
    time       timestamptz      NOT NULL,
    until      timestamptz      NOT NULL,               -- the last item of it that was seen in its window
    items      bigint           NOT NULL,
    value      double precision NOT NULL,               -- the worst, in the monitor's unit
    vehicle_id bigint           NOT NULL                -- 0: none
);
CREATE INDEX event_time ON quality.event (time);

CREATE TABLE quality.assessment (
    site_id    text             NOT NULL,
    monitor    text             NOT NULL,
    device_key integer          NOT NULL,
    region     integer          NOT NULL,
    node       integer          NOT NULL,
    part       bigint           NOT NULL,
    hour       timestamptz      NOT NULL,               -- at which it begins
    judged     bigint           NOT NULL,
    bad        bigint           NOT NULL,
    worst      double precision NOT NULL,
    passed     jsonb            NOT NULL,               -- not judged, by reason
    verdict    text             NOT NULL,               -- good, bad, too little
    PRIMARY KEY (site_id, monitor, device_key, region, node, part, hour)
);
CREATE INDEX assessment_hour ON quality.assessment (hour);

-- What somebody has to be told now; the registry makes alarms of it.
CREATE TABLE quality.notification (
    site_id    text             NOT NULL,
    monitor    text             NOT NULL,
    device_key integer          NOT NULL,
    region     integer          NOT NULL,
    node       integer          NOT NULL,
    part       bigint           NOT NULL,
    about      text             NOT NULL,               -- the subject, for people
    hour       timestamptz      NOT NULL,
    judged     bigint           NOT NULL,
    bad        bigint           NOT NULL,
    PRIMARY KEY (site_id, monitor, device_key, region, node, part)
);

CREATE TABLE quality.progress (
    is_one  boolean     PRIMARY KEY DEFAULT true CHECK (is_one),
    through timestamptz NOT NULL                        -- everything before is judged
);
