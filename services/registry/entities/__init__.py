"""The city's data for others: SQL views in schema ``open``, a read API under FIWARE's names, and days as Parquet."""
