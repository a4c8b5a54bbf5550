-- How far the clock of each device that speaks for a vehicle is off, where it was found to be: known over a restart.
CREATE TABLE register.vehicle_clock (
    device_key integer NOT NULL REFERENCES register.device ON DELETE CASCADE,    -- of the vehicle
    speaker    text NOT NULL,                                                    -- id of the device
    shift_us   bigint NOT NULL,                                                  -- from its stamps to our time
    PRIMARY KEY (device_key, speaker)
);
