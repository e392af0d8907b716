"""Applies limits, a JSON list on standard input, to an inventory as Ansible's programs do, and prints the hosts of each.

null: Ansible refuses the limit, or fails.
"""

import json
import sys

from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

inventory = InventoryManager(loader=DataLoader(), sources=[sys.argv[1]])


def hosts_of(limit):
    try:
        inventory.subset(limit)
        return [host.name for host in inventory.get_hosts("all")]
    except Exception:  # pylint: disable=broad-except
        return None


json.dump([hosts_of(limit) for limit in json.load(sys.stdin)], sys.stdout)
