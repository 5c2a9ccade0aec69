"""greenlight: checks that stand between a blue/green deployment and its users.

The way data flows: an event is *prepared* (what is being deployed, which plan applies),
the plan's checks *probe* green, and what they found is *concluded* into one answer for
CodeDeploy and one report for people. `steps/` holds these three, `conductors/` calls them.
"""

__version__ = "0.1.0"
