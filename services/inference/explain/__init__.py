"""Why a stored warning was raised: found in the database, replayed through the same stages, and told to people."""
