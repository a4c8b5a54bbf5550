-- How a device's messages are read where they are not what their standard says; and under which ESN OpenV2X's roadsides speak.
ALTER TABLE register.device ADD COLUMN reading jsonb;    -- chelu.codec.roadside.Reading; null: as the standard says
CREATE UNIQUE INDEX device_esn ON register.device (serial) WHERE profile = 'openv2x';
