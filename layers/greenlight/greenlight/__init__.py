"""greenlight: checks that decide whether a blue/green deployment may reach its users.

An event leads to a deployment and a plan, the checks of the plan run against green, and their findings become one
verdict for CodeDeploy and one report. `gate` holds this sequence and calls the other packages; docs/architecture.md
describes them.
"""

__version__ = "0.1.0"
