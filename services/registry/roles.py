"""Who may do what: roles per site, scopes of keys, and for every route of the API what it needs. Pure.

A route that is not in `NEEDS` is not served: `check_complete` is asked at the start.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class Role(enum.StrEnum):
    """What a person is on a site; each may do what those before it may."""

    VIEWER = "viewer"  # reads the register
    TESTER = "tester"  # reads what was stored
    OPERATOR = "operator"  # registers and changes devices, hands out credentials, gives orders
    ADMINISTRATOR = "administrator"  # changes sites; on all sites also organisations and people


class Scope(enum.StrEnum):
    """What a key may be used for, if its owner may do it."""

    READ = "register:read"
    WRITE = "register:write"
    CREDENTIALS = "credentials"
    DATA = "data:read"
    PEOPLE = "people"
    ORDERS = "orders"
    AUDIT = "audit:read"
    BACKUP = "backup"


class Where(enum.Enum):
    """On which site the role is needed."""

    EVERYWHERE = enum.auto()  # on all sites
    SITE = enum.auto()  # of the path
    DEVICE = enum.auto()  # the site of the path's device
    DEVICE_ASKED = enum.auto()  # the sites of the query's devices, one's own team's left out; on all sites without one
    SOMEWHERE = enum.auto()  # on any site: the handler asks for, or shows, only what it may
    SOMEWHERE_OR_TEAM = enum.auto()  # likewise, or none for who is of a team
    ONESELF = enum.auto()  # no role


@dataclass(frozen=True, slots=True)
class Need:
    """What a route needs."""

    role: Role
    scope: Scope | None
    where: Where


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `roles` by site (None: every site); `user` None for the installation's own key; `scopes` None for all.

    ends: when a key counts no more; None for a session, and for a key that does not expire.
    """

    name: str
    user: str | None
    roles: Mapping[str | None, Role]
    scopes: frozenset[Scope] | None = None
    team: str | None = None
    ends: datetime.datetime | None = None

    def has(self, role: Role, site_id: str | None) -> bool:
        """Whether the caller has at least this role on the site; None: on all sites."""
        return any(_rank(mine) >= _rank(role) for site, mine in self.roles.items() if site is None or site == site_id)

    def sites(self, role: Role) -> list[str] | None:
        """The sites on which the caller has at least this role; None: all."""
        if self.has(role, None):
            return None
        return [site for site in self.roles if site is not None and self.has(role, site)]

    def has_scope(self, scope: Scope | None) -> bool:
        """Whether the key may be used for this."""
        return scope is None or self.scopes is None or scope in self.scopes


READ = Need(Role.VIEWER, Scope.READ, Where.SOMEWHERE)
READ_SITE = Need(Role.VIEWER, Scope.READ, Where.SITE)
READ_DEVICE = Need(Role.VIEWER, Scope.READ, Where.DEVICE)
WRITE = Need(Role.OPERATOR, Scope.WRITE, Where.SOMEWHERE)
WRITE_SITE = Need(Role.OPERATOR, Scope.WRITE, Where.SITE)
WRITE_DEVICE = Need(Role.OPERATOR, Scope.WRITE, Where.DEVICE)
CREDENTIALS = Need(Role.OPERATOR, Scope.CREDENTIALS, Where.DEVICE)
JOINING = Need(Role.OPERATOR, Scope.CREDENTIALS, Where.SOMEWHERE)
ORDERS = Need(Role.OPERATOR, Scope.ORDERS, Where.SOMEWHERE)
PACKAGES = Need(Role.OPERATOR, Scope.ORDERS, Where.EVERYWHERE)
ORDERS_SITE = Need(Role.OPERATOR, Scope.ORDERS, Where.SITE)
DATA = Need(Role.TESTER, Scope.DATA, Where.EVERYWHERE)
DATA_SITE = Need(Role.TESTER, Scope.DATA, Where.SITE)
TEST = Need(Role.TESTER, Scope.WRITE, Where.SITE)
EXPORTS = Need(Role.TESTER, Scope.DATA, Where.SOMEWHERE_OR_TEAM)
GLOBAL = Need(Role.ADMINISTRATOR, Scope.WRITE, Where.EVERYWHERE)
PEOPLE = Need(Role.ADMINISTRATOR, Scope.PEOPLE, Where.EVERYWHERE)
OWN_KEYS = Need(Role.VIEWER, Scope.PEOPLE, Where.ONESELF)
ONESELF = Need(Role.VIEWER, None, Where.ONESELF)

NEEDS: Mapping[tuple[str, str], Need] = {
    ("GET", "/api/organisations"): READ,
    ("POST", "/api/organisations"): GLOBAL,
    ("GET", "/api/organisations/{organisation_id}"): READ,
    ("PATCH", "/api/organisations/{organisation_id}"): GLOBAL,
    ("DELETE", "/api/organisations/{organisation_id}"): GLOBAL,
    ("GET", "/api/sites"): READ,
    ("POST", "/api/sites"): GLOBAL,
    ("GET", "/api/sites/{site_id}"): READ_SITE,
    ("PATCH", "/api/sites/{site_id}"): Need(Role.ADMINISTRATOR, Scope.WRITE, Where.SITE),
    ("DELETE", "/api/sites/{site_id}"): GLOBAL,
    ("GET", "/api/sites/{site_id}/roads"): READ_SITE,
    ("GET", "/api/sites/{site_id}/roads/drawing"): READ_SITE,
    ("PUT", "/api/sites/{site_id}/roads"): Need(Role.OPERATOR, Scope.WRITE, Where.SITE),
    ("GET", "/api/devices"): READ,
    ("POST", "/api/devices"): WRITE,
    ("GET", "/api/devices/{device_id}"): READ_DEVICE,
    ("PATCH", "/api/devices/{device_id}"): WRITE_DEVICE,
    ("DELETE", "/api/devices/{device_id}"): WRITE_DEVICE,
    ("GET", "/api/devices/{device_id}/lifecycle"): READ_DEVICE,
    ("POST", "/api/devices/{device_id}/lifecycle"): WRITE_DEVICE,
    ("POST", "/api/devices/{device_id}/credential"): CREDENTIALS,
    ("DELETE", "/api/devices/{device_id}/credential"): CREDENTIALS,
    ("POST", "/api/devices/{device_id}/rotation"): CREDENTIALS,
    ("GET", "/api/devices/{device_id}/rotation"): CREDENTIALS,
    ("DELETE", "/api/devices/{device_id}/rotation"): CREDENTIALS,
    ("POST", "/api/devices/{device_id}/rotation/finish"): CREDENTIALS,
    ("POST", "/api/provisioning-keys"): JOINING,
    ("GET", "/api/provisioning-keys"): JOINING,
    ("DELETE", "/api/provisioning-keys/{name}"): JOINING,
    ("GET", "/api/inbox"): JOINING,
    ("GET", "/api/inbox/{serial}"): JOINING,
    ("POST", "/api/inbox/{serial}/register"): JOINING,
    ("DELETE", "/api/inbox/{serial}"): JOINING,
    ("POST", "/api/import/devices"): WRITE,
    ("GET", "/api/export/devices"): READ,
    ("GET", "/api/config"): READ,
    ("POST", "/api/config"): ORDERS,
    ("GET", "/api/config/schemas/{kind}"): READ,
    ("GET", "/api/devices/{device_id}/config"): READ_DEVICE,
    ("GET", "/api/commands"): READ,
    ("POST", "/api/commands"): ORDERS,
    ("POST", "/api/tellings"): ORDERS,
    ("GET", "/api/dispatches"): READ,
    ("GET", "/api/dispatches/{dispatch_id}"): READ,
    ("DELETE", "/api/dispatches/{dispatch_id}"): ORDERS,
    ("GET", "/api/dispatches/{dispatch_id}/orders"): READ,
    ("GET", "/api/devices/{device_id}/orders"): READ_DEVICE,
    ("GET", "/api/signing-keys"): READ,
    ("POST", "/api/signing-keys"): Need(Role.ADMINISTRATOR, Scope.ORDERS, Where.EVERYWHERE),
    ("DELETE", "/api/signing-keys/{name}"): Need(Role.ADMINISTRATOR, Scope.ORDERS, Where.EVERYWHERE),
    ("GET", "/api/packages"): READ,
    ("POST", "/api/packages"): PACKAGES,
    ("GET", "/api/packages/{package_id}"): READ,
    ("DELETE", "/api/packages/{package_id}"): PACKAGES,
    ("GET", "/api/packages/{package_id}/rules"): READ,
    ("POST", "/api/packages/{package_id}/rules"): PACKAGES,
    ("DELETE", "/api/packages/{package_id}/rules/{rule_id}"): PACKAGES,
    ("GET", "/api/campaigns"): READ,
    ("POST", "/api/campaigns"): ORDERS,
    ("GET", "/api/campaigns/{campaign_id}"): READ,
    ("GET", "/api/campaigns/{campaign_id}/devices"): READ,
    ("POST", "/api/campaigns/{campaign_id}/pause"): ORDERS,
    ("POST", "/api/campaigns/{campaign_id}/resume"): ORDERS,
    ("POST", "/api/campaigns/{campaign_id}/roll-back"): ORDERS,
    ("GET", "/api/streams/{stream}"): Need(Role.TESTER, Scope.DATA, Where.DEVICE_ASKED),
    ("GET", "/api/live/streams/{stream}"): Need(Role.TESTER, Scope.DATA, Where.DEVICE_ASKED),
    ("GET", "/api/live/sites/{site_id}/picture"): Need(Role.TESTER, Scope.DATA, Where.SITE),
    ("GET", "/api/live/sites/{site_id}/changes"): Need(Role.TESTER, Scope.DATA, Where.SITE),
    ("GET", "/api/live/sites/{site_id}/alarms"): READ_SITE,
    ("GET", "/api/accounts"): DATA,
    ("GET", "/api/traffic"): DATA,
    ("GET", "/api/batches"): DATA,
    ("GET", "/api/dead-letters"): DATA,
    ("GET", "/api/messages"): DATA,
    ("GET", "/api/reports"): DATA,
    ("GET", "/api/observations"): Need(Role.TESTER, Scope.DATA, Where.DEVICE_ASKED),
    ("GET", "/api/warnings"): DATA,
    ("GET", "/api/segments"): DATA,
    ("GET", "/api/city/state"): DATA,
    ("GET", "/api/city/turns"): DATA,
    ("GET", "/api/city/surroundings"): DATA,
    ("GET", "/api/city/outlook"): DATA,
    ("GET", "/api/entities"): READ,
    ("GET", "/api/entities/{kind}"): DATA,
    ("GET", "/api/entities/{kind}/days/{day}"): DATA,
    ("GET", "/api/city/forecast"): DATA,
    ("GET", "/api/city/forecast-watch"): DATA,
    ("GET", "/api/city/findings"): DATA,
    ("GET", "/api/coop/sessions"): DATA,
    ("GET", "/api/coop/messages"): DATA,
    ("GET", "/api/alarm-kinds"): READ,
    ("GET", "/api/alarms"): READ,
    ("GET", "/api/alarms/{alarm_id}"): READ,
    ("POST", "/api/alarms/{alarm_id}/acknowledge"): WRITE,
    ("POST", "/api/alarms/{alarm_id}/clear"): WRITE,
    ("GET", "/api/thresholds"): READ,
    ("PUT", "/api/thresholds"): WRITE,
    ("DELETE", "/api/thresholds/{threshold_id}"): WRITE,
    ("GET", "/api/devices/{device_id}/thresholds"): READ_DEVICE,
    ("GET", "/api/maintenance"): READ,
    ("POST", "/api/maintenance"): WRITE,
    ("DELETE", "/api/maintenance/{maintenance_id}"): WRITE,
    ("GET", "/api/case-kinds"): READ,
    ("GET", "/api/sites/{site_id}/cases"): READ_SITE,
    ("POST", "/api/sites/{site_id}/cases"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/cases/{case_id}"): READ_SITE,
    ("PATCH", "/api/sites/{site_id}/cases/{case_id}"): WRITE_SITE,
    ("POST", "/api/sites/{site_id}/citizen-reports"): Need(Role.TESTER, Scope.WRITE, Where.SITE),
    ("GET", "/api/sites/{site_id}/proposals"): READ_SITE,
    ("POST", "/api/sites/{site_id}/proposals/{proposal_id}/approve"): ORDERS_SITE,
    ("POST", "/api/sites/{site_id}/proposals/{proposal_id}/reject"): ORDERS_SITE,
    ("GET", "/api/sites/{site_id}/rules"): READ_SITE,
    ("GET", "/api/sites/{site_id}/rules/{rule_id}"): READ_SITE,
    ("PUT", "/api/sites/{site_id}/rules/{rule_id}"): ORDERS_SITE,
    ("DELETE", "/api/sites/{site_id}/rules/{rule_id}"): ORDERS_SITE,
    ("GET", "/api/webhooks"): GLOBAL,
    ("POST", "/api/webhooks"): GLOBAL,
    ("PATCH", "/api/webhooks/{name}"): GLOBAL,
    ("DELETE", "/api/webhooks/{name}"): GLOBAL,
    ("GET", "/api/webhooks/{name}/deliveries"): GLOBAL,
    ("POST", "/api/webhooks/{name}/trial"): GLOBAL,
    ("POST", "/api/webhooks/{name}/retry"): GLOBAL,
    ("GET", "/api/health"): READ,
    ("GET", "/api/health/summary"): READ,
    ("GET", "/api/health/applications"): READ,
    ("GET", "/api/devices/{device_id}/health"): READ_DEVICE,
    ("GET", "/api/profiles"): READ,
    ("PUT", "/api/profiles/{name}"): GLOBAL,
    ("DELETE", "/api/profiles/{name}"): GLOBAL,
    ("GET", "/api/sites/{site_id}/parameters"): READ_SITE,
    ("PATCH", "/api/sites/{site_id}/parameters"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/parameters/history"): READ_SITE,
    ("GET", "/api/sites/{site_id}/areas"): READ_SITE,
    ("POST", "/api/sites/{site_id}/areas"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/areas/{area_id}"): READ_SITE,
    ("PATCH", "/api/sites/{site_id}/areas/{area_id}"): WRITE_SITE,
    ("DELETE", "/api/sites/{site_id}/areas/{area_id}"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/bookings"): READ_SITE,
    ("POST", "/api/sites/{site_id}/bookings"): WRITE_SITE,
    ("DELETE", "/api/sites/{site_id}/bookings/{booking_id}"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/permits"): READ_SITE,
    ("POST", "/api/sites/{site_id}/permits"): WRITE_SITE,
    ("DELETE", "/api/sites/{site_id}/permits/{permit_id}"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/track"): READ_SITE,
    ("GET", "/api/sites/{site_id}/track/log"): READ_SITE,
    ("GET", "/api/sites/{site_id}/track/log/check"): READ_SITE,
    ("GET", "/api/sites/{site_id}/stop"): READ_SITE,
    ("POST", "/api/sites/{site_id}/stop"): ORDERS_SITE,
    ("POST", "/api/sites/{site_id}/stop/release"): ORDERS_SITE,
    ("GET", "/api/sites/{site_id}/stops"): READ_SITE,
    ("GET", "/api/sites/{site_id}/stops/{stop_id}"): READ_SITE,
    ("GET", "/api/sites/{site_id}/vehicles"): READ_SITE,
    ("GET", "/api/sites/{site_id}/events"): READ_SITE,
    ("POST", "/api/sites/{site_id}/events"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/events/{event_id}"): READ_SITE,
    ("GET", "/api/sites/{site_id}/events/{event_id}/capture"): Need(Role.TESTER, Scope.DATA, Where.SITE),
    ("GET", "/api/sites/{site_id}/months/{month}"): READ_SITE,
    ("GET", "/api/sites/{site_id}/runs"): READ_SITE,
    ("POST", "/api/sites/{site_id}/runs"): TEST,
    ("GET", "/api/sites/{site_id}/runs/{run_id}"): READ_SITE,
    ("GET", "/api/sites/{site_id}/runs/{run_id}/document"): Need(Role.TESTER, Scope.DATA, Where.SITE),
    ("DELETE", "/api/sites/{site_id}/runs/{run_id}"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/runs/{run_id}/evidence"): DATA_SITE,
    ("GET", "/api/sites/{site_id}/runs/{run_id}/evidence/{name}"): DATA_SITE,
    ("PUT", "/api/sites/{site_id}/runs/{run_id}/evidence/{name}"): TEST,
    ("GET", "/api/scenarios"): READ,
    ("GET", "/api/sites/{site_id}/tests"): READ_SITE,
    ("POST", "/api/sites/{site_id}/tests"): TEST,
    ("GET", "/api/sites/{site_id}/tests/{test_id}"): READ_SITE,
    ("GET", "/api/sites/{site_id}/tests/{test_id}/motion"): DATA_SITE,
    ("POST", "/api/sites/{site_id}/tests/{test_id}/stop"): TEST,
    ("GET", "/api/sites/{site_id}/past/picture"): DATA_SITE,
    ("GET", "/api/sites/{site_id}/warnings"): DATA_SITE,
    ("GET", "/api/sites/{site_id}/warnings/{warning_id}"): DATA_SITE,
    ("GET", "/api/sites/{site_id}/warnings/{warning_id}/explanation"): DATA_SITE,
    ("GET", "/api/sites/{site_id}/warning-hours"): DATA_SITE,
    ("GET", "/api/sites/{site_id}/private-zones"): READ_SITE,
    ("PUT", "/api/sites/{site_id}/private-zones/{zone_id}"): Need(Role.ADMINISTRATOR, Scope.WRITE, Where.SITE),
    ("DELETE", "/api/sites/{site_id}/private-zones/{zone_id}"): Need(Role.ADMINISTRATOR, Scope.WRITE, Where.SITE),
    ("GET", "/api/road-event-catalogue"): READ,
    ("GET", "/api/sites/{site_id}/road-events"): READ_SITE,
    ("POST", "/api/sites/{site_id}/road-events"): ORDERS_SITE,
    ("GET", "/api/sites/{site_id}/road-events/{event_id}"): READ_SITE,
    ("POST", "/api/sites/{site_id}/road-events/{event_id}/renew"): ORDERS_SITE,
    ("POST", "/api/sites/{site_id}/road-events/{event_id}/withdraw"): ORDERS_SITE,
    ("GET", "/api/sites/{site_id}/rsi"): READ_SITE,
    ("GET", "/api/sites/{site_id}/quality/events"): READ_SITE,
    ("GET", "/api/sites/{site_id}/quality/assessments"): READ_SITE,
    ("GET", "/api/sites/{site_id}/quality/notifications"): READ_SITE,
    ("GET", "/api/sites/{site_id}/maps"): READ_SITE,
    ("POST", "/api/sites/{site_id}/maps"): WRITE_SITE,
    ("GET", "/api/sites/{site_id}/maps/{version}"): READ_SITE,
    ("GET", "/api/sites/{site_id}/maps/{version}/file"): READ_SITE,
    ("GET", "/api/sites/{site_id}/maps/{version}/export"): READ_SITE,
    ("POST", "/api/sites/{site_id}/maps/{version}/activate"): WRITE_SITE,
    ("POST", "/api/sites/{site_id}/maps/{version}/push"): ORDERS_SITE,
    ("GET", "/api/sites/{site_id}/map-plan"): READ_SITE,
    ("GET", "/api/sites/{site_id}/map-units"): READ_SITE,
    ("GET", "/api/streams"): READ,
    ("GET", "/api/retention"): READ,
    ("PUT", "/api/retention/{stream}"): GLOBAL,
    ("DELETE", "/api/retention/{stream}"): GLOBAL,
    ("POST", "/api/exports"): EXPORTS,
    ("GET", "/api/exports"): EXPORTS,
    ("GET", "/api/exports/{export_id}"): EXPORTS,
    ("GET", "/api/exports/{export_id}/content/{stream}"): EXPORTS,
    ("GET", "/api/audit"): Need(Role.ADMINISTRATOR, Scope.AUDIT, Where.EVERYWHERE),
    ("GET", "/api/backup"): Need(Role.ADMINISTRATOR, Scope.BACKUP, Where.EVERYWHERE),
    ("POST", "/api/restore"): Need(Role.ADMINISTRATOR, Scope.BACKUP, Where.EVERYWHERE),
    ("GET", "/api/users"): PEOPLE,
    ("POST", "/api/users"): PEOPLE,
    ("GET", "/api/users/{user_name}"): PEOPLE,
    ("PATCH", "/api/users/{user_name}"): PEOPLE,
    ("DELETE", "/api/users/{user_name}"): PEOPLE,
    ("GET", "/api/me"): ONESELF,
    ("PUT", "/api/me/password"): OWN_KEYS,
    ("POST", "/api/logout"): ONESELF,
    ("GET", "/api/keys"): OWN_KEYS,
    ("POST", "/api/keys"): OWN_KEYS,
    ("DELETE", "/api/keys/{owner}/{name}"): OWN_KEYS,
}
HOOK = frozenset({("POST", "/api/broker/authentication"), ("POST", "/api/broker/authorization")})  # for the broker's own secret
FETCHED = frozenset({("GET", "/api/packages/{package_id}/content")})  # by devices, with the tokens of their orders
OPEN = frozenset({("GET", "/health"), ("POST", "/api/login")}) | HOOK | FETCHED


def check_complete(routes: Iterable[tuple[str, str]]) -> None:
    """Raise ValueError unless every route is either open or says what it needs, and nothing else does."""
    found = set(routes)
    if wrong := found ^ (NEEDS.keys() | OPEN):
        raise ValueError(f"routes without a need, or needs without a route: {sorted(wrong)}")


def _rank(role: Role) -> int:
    return list(Role).index(role)
