"""What the environment tells of systems beside the platform."""

import pytest

from chassis.settings import SERVICES, SettingWrong, read_settings

NEEDED = {
    "MANTLE_DATABASE_URL": "postgresql+psycopg://u:p@h/d",
    "MANTLE_LISTEN_ADDRESS": "0.0.0.0:50051",
    "MANTLE_TOKEN_KEYS_FILE": "keys.json",
    "MANTLE_TOKEN_ISSUER": "issuer",
    "MANTLE_TOKEN_AUDIENCE": "mantle",
    "MANTLE_SERVICE_TOKEN_FILE": "token",
    "MANTLE_TIME_ZONE": "Asia/Shanghai",
    **{f"MANTLE_{name.upper()}_ADDRESS": f"{name}:50051" for name in SERVICES},
}


def test_neighbours_are_named_with_their_addresses() -> None:
    listed = "supply=dns:///erp:50051, stores = wms:50052"

    found = read_settings("planning", {**NEEDED, "MANTLE_NEIGHBOUR_ADDRESSES": listed})

    assert found.neighbour_addresses == {"supply": "dns:///erp:50051", "stores": "wms:50052"}


def test_without_neighbours_there_are_none() -> None:
    assert read_settings("planning", NEEDED).neighbour_addresses == {}


@pytest.mark.parametrize("listed", ["erp:50051", "=erp:50051", "supply="])
def test_a_neighbour_without_name_or_address_stops_the_start(listed: str) -> None:
    with pytest.raises(SettingWrong, match="MANTLE_NEIGHBOUR_ADDRESSES"):
        read_settings("planning", {**NEEDED, "MANTLE_NEIGHBOUR_ADDRESSES": listed})
