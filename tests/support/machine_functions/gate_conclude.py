"""Stand-in of the function that concludes a gate: Succeeded if each shard of each wave has passed."""

from typing import Any

from common import SETTINGS, get, put


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    key = f"reports/{event['gate']['deployment']}/{event['gate']['stage']}.json"
    if event["step"] == "abandoned":
        put(key, {"verdict": "Failed", "reasons": [{"cause": "GATE_ERROR", "message": "the gate did not end"}]})
        return {}
    if event["step"] == "judge":
        return SETTINGS.get("judged") or _judge(event)
    verdict = event["work"].get("judged", {}).get("status", "Failed")
    put(key, {"verdict": verdict, "reasons": [], "superseded": "answered_before" in event["work"]})
    return {"verdict": verdict, "report": key, "reasons": []}


def _judge(event: dict[str, Any]) -> dict[str, Any]:
    work = event["work"]
    outcomes = [_outcome(result) for result in _flatten(work.get("found"))]
    shards = sum(map(len, work.get("waves", ())))
    passed = "error" not in work and bool(shards) and outcomes == ["PASS"] * shards
    status = "Succeeded" if passed else "Failed"
    return {"status": status, "result": put(f"gates/{event['gate']['name']}/verdict.json", {"status": status})}


def _outcome(result: dict[str, Any]) -> str:
    return "ERROR" if "error" in result else str(get(result["found"])["outcome"])


def _flatten(found: Any) -> list[dict[str, Any]]:
    """Return the results of all waves: `[[[], wave 1], wave 2]`, in which a wave is a list of results."""
    if not found:
        return []
    earlier, wave = found
    return _flatten(earlier) + wave
