"""Simulated vehicles' names, and that the register and the gateway read their list alike."""

from __future__ import annotations

from edge.vehicles.directory import PHONE, VIN, key_of, read_vehicles
from services.registry.device_files import read_csv, write_csv
from services.registry.device_models import NewDevice
from simulators.vehicle_names import device_list, device_of, phone_of, vin_of


def test_the_register_takes_the_list_and_the_gateway_reads_its_export() -> None:
    found = read_csv(device_list(3, site="s", gateway="gw").encode())
    assert found.faults == []
    devices = [NewDevice.model_validate(record.values).model_dump(mode="json") for record in found.records]
    exported = "".join(write_csv([{"lifecycle": "registered", **device} for device in devices]))
    for naming, name_of in ((PHONE, phone_of), (VIN, vin_of)):
        read = read_vehicles(exported, source="export", naming=naming, gateway="gw")
        assert {name: listed.device for name, listed in read.items()} == {
            key_of(naming, name_of(number)): device_of(number) for number in range(3)
        }
        assert read_vehicles(exported, source="export", naming=naming, gateway="gw-2") == {}


def test_a_phone_number_is_the_same_in_both_editions_but_for_its_zeros() -> None:
    assert (len(phone_of(7, 2013)), len(phone_of(7, 2019))) == (12, 20)
    assert int(phone_of(7, 2013)) == int(phone_of(7, 2019))
