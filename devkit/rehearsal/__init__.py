"""The rehearsal: whole blue/green deployments on this machine, with the real hooks.

What need not be imitated is not: moto's server is AWS, caddy is the load balancer, blue and
green are the user's own processes, functions run in AWS's own Python runtime client. Only
CodeDeploy's decisions are played here (`engine.py`, `ledger.py`, `configurations.py`), and the
hooks see nothing of it but environment variables.

    scenario_file.py ─► player.py ─► engine.py ─► grounds/{ecs,lambdas}.py ─► balancer, processes, functions
                                         │
                                     ledger.py ◄── aws/ (moto and the operations it lacks) ◄── hooks
"""
