# SPDX-License-Identifier: Apache-2.0
"""Instances put in place once, whole and verified: for the receiver, the server and archives alike."""

from framedeflate.instance_store.arrivals import Arrival
from framedeflate.instance_store.check import InstanceFacts
from framedeflate.instance_store.store import InstanceStore, StoredInstance, StorePolicy

__all__ = ["Arrival", "InstanceFacts", "InstanceStore", "StorePolicy", "StoredInstance"]
