"""Rehearsal: complete blue/green deployments on this machine, with the real hooks.

Only CodeDeploy itself is simulated (`engine.py`, `codedeploy_state.py`, `configurations.py`). AWS is moto's server, the
load balancer is caddy, blue and green are the user's own processes, and functions run in AWS's Python runtime client.
State machines run in moto's interpreter. The hooks, the other functions and the machines are the deployed ones; only
environment variables, placeholders and time limits differ.

    scenario_file.py ─► scenario_player.py ─► engine.py ─► platforms/{ecs,lambdas}.py ─► caddy, processes, functions
                                                  │
                                          codedeploy_state.py ◄── aws/ (moto and the operations it lacks) ◄── hooks
"""
