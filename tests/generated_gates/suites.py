"""Suites for the `pytest` validator: they ask green through the gate's proxy, past it, somewhere else, or nothing."""

SUITES = {
    "proxied": """
import json, os, ssl, urllib.error, urllib.request

def test_green():
    headers = json.loads(os.environ["GREENLIGHT_HEADERS"])
    if os.environ["GREENLIGHT_HOST"]:
        headers["Host"] = os.environ["GREENLIGHT_HOST"]
    url = os.environ["GREENLIGHT_URL"] + "/t/" + os.environ["TAG"] + "/health"
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=2)
    except (urllib.error.URLError, OSError, ValueError):
        pass
""",
    "direct": """
import os, urllib.request

def test_green():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(os.environ["GREENLIGHT_URL"] + "/t/" + os.environ["TAG"] + "/health", timeout=2)
    except (OSError, ValueError):
        pass
""",
    "elsewhere": """
import os, urllib.request

def test_other():
    urllib.request.urlopen(os.environ["OTHER"] + "/t/" + os.environ["TAG"] + "/health", timeout=2)
""",
    "idle": "def test_nothing(): pass\n",
}
