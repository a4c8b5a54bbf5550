"""The hillside district: an original road network, its demand and a recorded trace, made from this script with SUMO's tools.

python -m simulators.district.build      network and demand (needs the extra ``sumo``)
python -m simulators.district.record     the trace (needs the extra ``sumo``)
python -m simulators.district.picture    docs/district.png (needs the extra ``evaluation``)
"""
