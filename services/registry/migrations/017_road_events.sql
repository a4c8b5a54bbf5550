-- Events and signs that roadside units are to tell of, and what each unit has been sent.
ALTER TABLE register.device ADD COLUMN coverage_m double precision; -- how far what it sends is heard; null: nobody has said

CREATE TABLE register.road_event (
    event_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id       text NOT NULL REFERENCES register.site ON DELETE CASCADE,
    is_sign       boolean NOT NULL,
    code          integer NOT NULL,                      -- GB/T 29100, or the index of GB 5768.2
    text          text NOT NULL DEFAULT '',
    source        text NOT NULL,                         -- EventSource of YD/T 3709
    place         jsonb,                                 -- latitude_deg, longitude_deg, elevation_m; null: only along its path
    path          jsonb NOT NULL DEFAULT '[]',           -- places in driving direction
    way           text,                                  -- the lane or road of the site's network that the path was taken from
    radius_m      double precision NOT NULL,
    path_radius_m double precision NOT NULL,
    priority      smallint NOT NULL,
    valid_from    timestamptz NOT NULL,                  -- whole minutes, both: a message knows no others
    valid_until   timestamptz,                           -- null: until it is withdrawn
    added         timestamptz NOT NULL DEFAULT now(),
    added_by      text NOT NULL,
    withdrawn     timestamptz,
    withdrawn_by  text
);
CREATE INDEX road_event_site ON register.road_event (site_id, event_id);
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON register.road_event
    FOR EACH ROW EXECUTE FUNCTION register.record_change('event_id');

-- What a unit is sent of an event. A number belongs to an event for as long as the unit may still tell of it.
CREATE TABLE register.road_event_unit (
    event_id   bigint NOT NULL REFERENCES register.road_event ON DELETE CASCADE,
    device_key integer NOT NULL REFERENCES register.device ON DELETE CASCADE,
    is_sign    boolean NOT NULL,
    number     smallint NOT NULL,                        -- rteId or rtsId
    is_held    boolean NOT NULL DEFAULT true,
    frames     integer NOT NULL DEFAULT 0,               -- sent so far
    ends       timestamptz,                              -- of the last that tells of it; the unit then stops by itself
    due        timestamptz,                              -- when there is something to do about it
    "order"    bigint,                                   -- number of the newest
    PRIMARY KEY (event_id, device_key)
);
CREATE UNIQUE INDEX road_event_number ON register.road_event_unit (device_key, is_sign, number) WHERE is_held;
CREATE INDEX road_event_due ON register.road_event_unit (due) WHERE due IS NOT NULL;

CREATE TABLE register.unit_start (                       -- what a unit was sent before it started is lost to it
    device_key integer PRIMARY KEY REFERENCES register.device ON DELETE CASCADE,
    start_id   text NOT NULL
);

CREATE INDEX device_order_frame ON register.device_order (device_key, (body ->> 'sha256')) WHERE topic IN ('map', 'rsi');
