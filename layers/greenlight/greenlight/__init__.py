"""greenlight: checks that decide whether a blue/green deployment may reach its users.

The event of a hook identifies a deployment. Its plan's checks run against green, and their findings become one verdict
for CodeDeploy and one report. The package `gate` runs this sequence; docs/architecture.md describes all packages.
"""

__version__ = "0.1.0"
