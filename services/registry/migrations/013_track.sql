-- The track: areas and lanes, who has booked and may use them, emergency stops, and a log that stands up afterwards.
CREATE TABLE register.area (
    site_id      text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    area_id      text NOT NULL,
    kind         text NOT NULL,                          -- services.registry.track.models.AreaKind
    name         text NOT NULL DEFAULT '',
    polygon      jsonb NOT NULL,                         -- GeoJSON, WGS-84, longitude before latitude
    floor_m      double precision,                       -- above the WGS-84 ellipsoid; null: from below every deck
    ceiling_m    double precision,                       -- null: above every deck
    needs_permit boolean NOT NULL DEFAULT true,
    shares       smallint NOT NULL DEFAULT 1,            -- bookings at a time
    version      integer NOT NULL DEFAULT 1,
    created      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, area_id)
);

CREATE TABLE register.booking (
    booking_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id      text NOT NULL,
    area_id      text NOT NULL,
    team         text NOT NULL REFERENCES register.organisation,
    starts       timestamptz NOT NULL,
    ends         timestamptz NOT NULL CHECK (ends > starts),
    purpose      text NOT NULL DEFAULT '',
    booked_by    text NOT NULL,
    created      timestamptz NOT NULL DEFAULT now(),
    cancelled    timestamptz,
    cancelled_by text,
    FOREIGN KEY (site_id, area_id) REFERENCES register.area ON DELETE CASCADE
);
CREATE INDEX booking_area ON register.booking (site_id, area_id, ends) WHERE cancelled IS NULL;
CREATE INDEX booking_team ON register.booking (team);

CREATE TABLE register.permit (
    permit_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id       text NOT NULL,
    area_id       text NOT NULL,
    vehicle_key   integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    team          text REFERENCES register.organisation, -- the vehicle's when it was given
    starts        timestamptz NOT NULL,
    ends          timestamptz NOT NULL CHECK (ends > starts),
    max_speed_mps double precision,
    modes         text[],                                -- driving modes allowed; null: all
    conditions    text NOT NULL DEFAULT '',              -- for people
    given_by      text NOT NULL,
    created       timestamptz NOT NULL DEFAULT now(),
    revoked       timestamptz,
    revoked_by    text,
    FOREIGN KEY (site_id, area_id) REFERENCES register.area ON DELETE CASCADE
);
CREATE INDEX permit_area ON register.permit (site_id, area_id, ends) WHERE revoked IS NULL;
CREATE INDEX permit_vehicle ON register.permit (vehicle_key);
CREATE INDEX permit_team ON register.permit (team) WHERE team IS NOT NULL;

CREATE TABLE register.stop (
    stop_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id      text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    reason       text NOT NULL DEFAULT '',
    pressed      timestamptz NOT NULL,
    pressed_by   text NOT NULL,
    presses      integer NOT NULL DEFAULT 1,
    released     timestamptz,
    released_by  text,
    release_note text
);
CREATE UNIQUE INDEX stop_in_force ON register.stop (site_id) WHERE released IS NULL;
CREATE INDEX stop_site ON register.stop (site_id, stop_id);

CREATE TABLE register.stop_device (
    stop_id        bigint NOT NULL REFERENCES register.stop ON DELETE CASCADE,
    device_key     integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    number         bigint NOT NULL,                      -- of its newest order to stop: register.device_order has what became of it
    release_number bigint,                               -- of its order to go on
    PRIMARY KEY (stop_id, device_key)
);
CREATE INDEX stop_device_key ON register.stop_device (device_key);

-- What happened on a site's track, each entry bound to the one before it: hash = SHA-256(former hash, entry).
CREATE TABLE register.track_log (
    site_id text NOT NULL,                               -- not a reference: the log outlives its site
    number  bigint NOT NULL,
    entry   text NOT NULL,                               -- JSON, the very bytes that were hashed
    hash    bytea NOT NULL,
    at_us   bigint GENERATED ALWAYS AS ((entry::jsonb ->> 'at_us')::bigint) STORED,
    what    text GENERATED ALWAYS AS (entry::jsonb ->> 'what') STORED,
    subject text GENERATED ALWAYS AS (entry::jsonb ->> 'subject') STORED,
    PRIMARY KEY (site_id, number)
);
CREATE INDEX track_log_at ON register.track_log (site_id, at_us);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON register.track_log
    FOR EACH STATEMENT EXECUTE FUNCTION register.refuse_change();
REVOKE UPDATE, DELETE, TRUNCATE ON register.track_log FROM PUBLIC;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.area
    FOR EACH ROW EXECUTE FUNCTION register.record_change('area_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.booking
    FOR EACH ROW EXECUTE FUNCTION register.record_change('booking_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.permit
    FOR EACH ROW EXECUTE FUNCTION register.record_change('permit_id');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.stop
    FOR EACH ROW EXECUTE FUNCTION register.record_change('stop_id');

-- Vehicles under supervision: how each drives now, how long it drove so, and what happened.
CREATE TABLE register.vehicle_state (
    device_key    integer PRIMARY KEY REFERENCES register.device ON DELETE CASCADE,
    time          timestamptz NOT NULL,                  -- of its last word
    heard         timestamptz NOT NULL,
    mode          text NOT NULL,                         -- services.registry.supervision.words.Mode
    since         timestamptz NOT NULL,
    cause         text,
    reason        text NOT NULL DEFAULT '',
    in_odd        boolean,
    faults        jsonb NOT NULL DEFAULT '[]',
    odometer_m    double precision,
    latitude_deg  double precision,
    longitude_deg double precision,
    speed_mps     double precision,
    is_disengaged boolean NOT NULL DEFAULT false
);

CREATE TABLE register.mode_span (
    device_key integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    starts     timestamptz NOT NULL,
    ends       timestamptz NOT NULL,
    mode       text NOT NULL,
    metres     double precision,                         -- by its odometer; null: it does not say
    PRIMARY KEY (device_key, starts)
);

CREATE TABLE register.vehicle_event (
    event_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id       text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    device_key    integer REFERENCES register.device ON DELETE SET NULL,
    vehicle       text NOT NULL,
    team          text,
    time          timestamptz NOT NULL,
    noted         timestamptz NOT NULL DEFAULT now(),
    what          text NOT NULL,                         -- services.registry.supervision.states.What
    former_mode   text,
    mode          text,
    cause         text,
    reason        text NOT NULL DEFAULT '',
    detail        jsonb NOT NULL DEFAULT '{}',
    capture       text NOT NULL DEFAULT 'pending',       -- pending, kept, nothing
    capture_due   timestamptz NOT NULL
);
CREATE INDEX vehicle_event_site ON register.vehicle_event (site_id, time);
CREATE INDEX vehicle_event_due ON register.vehicle_event (capture_due) WHERE capture = 'pending';
CREATE UNIQUE INDEX vehicle_event_once ON register.vehicle_event (device_key, time, what) WHERE device_key IS NOT NULL;

-- What is kept of the streams around an event, whatever their retention; beside the register, whose backup it is no part of.
CREATE SCHEMA IF NOT EXISTS run;
CREATE TABLE run.capture (
    event_id bigint NOT NULL REFERENCES register.vehicle_event ON DELETE CASCADE,
    stream   text NOT NULL,
    rows     bigint NOT NULL,
    content  bytea NOT NULL,                             -- zlib; columns of chelu.codec.columns, or JSON lines of reports
    PRIMARY KEY (event_id, stream)
);
