"""Stand-in of the function that prepares a gate: the checks of the settings, in the waves of the settings."""

import os
from typing import Any

from common import SETTINGS, put


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    if "prepared" in SETTINGS:
        return SETTINGS["prepared"]
    waves = [*SETTINGS["waves"], []]
    return {
        "document": put(f"gates/{event['gate']['name']}/plan.json", SETTINGS),
        "probe": os.environ["GREENLIGHT_PROBE_FUNCTION"],
        "bake_s": SETTINGS.get("bake_s", 0),
        "waves": waves,
        "wave_count": len(waves) - 1,
        "shards": waves[0],
    }
