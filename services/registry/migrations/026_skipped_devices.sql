-- Why a campaign passed a device over: at its turn, and when it was to be taken back.
ALTER TABLE register.campaign_target
    ADD COLUMN skipped      text,                        -- null: it was told, or its turn has not come
    ADD COLUMN back_skipped text;
