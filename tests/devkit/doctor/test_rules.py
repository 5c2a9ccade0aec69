"""Every rule of the doctor has a mistake that breaks it."""

from __future__ import annotations

from devkit.doctor import rules
from tests.devkit.doctor import (
    test_alias,
    test_ecs_routing,
    test_examination,
    test_group_settings,
    test_hooks,
    test_network,
    test_plans,
    test_security_groups,
)


def test_every_rule_of_an_account_has_a_mistake() -> None:
    modules = (
        test_examination,
        test_alias,
        test_group_settings,
        test_hooks,
        test_network,
        test_plans,
        test_security_groups,
        test_ecs_routing,
    )
    covered_rules = {rule for module in modules for rule, _, _ in module.MISTAKES} | {"version", "task-definition"}

    assert {rule.id for rule in rules.RULES if rule.source != "template"} - covered_rules == set()
