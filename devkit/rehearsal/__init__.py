"""Rehearsal: complete blue/green deployments on this machine, with the real hooks.

Only CodeDeploy itself is simulated (`engine.py`, `codedeploy_state.py`, `configurations.py`). AWS is moto's server, the
load balancer is caddy, blue and green are the user's own processes, and functions run in AWS's Python runtime client.
The hooks are the deployed ones; only their environment variables differ.

    scenario_file.py ─► scenario_player.py ─► engine.py ─► platforms/{ecs,lambdas}.py ─► caddy, processes, functions
                                                  │
                                          codedeploy_state.py ◄── aws/ (moto and the operations it lacks) ◄── hooks
"""
