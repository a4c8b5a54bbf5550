"""Parameters of applications, as `chelu.parameters` has them for whatever is set per site."""

from chelu.parameters import parameter, read_site_values, table, with_site_values

__all__ = ["parameter", "read_site_values", "table", "with_site_values"]
