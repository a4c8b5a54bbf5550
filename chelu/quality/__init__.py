"""Is a row to be believed? Pure checks on whole batches: parameters with defaults and arrays in, masks out.

`timing` (late, clock), `senders` (what each sender said last), `gaps`, `jumps`, `plausibility`, and `checks`, which puts them
together into the `flags` column. Nothing here drops a row: a doubtful row is stored and says so (`chelu.messages.Flag`).
"""
