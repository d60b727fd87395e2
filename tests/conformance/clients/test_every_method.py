"""No public method of a published client is left without a case."""

import pytest

from tests.conformance.clients import (
    test_arm_collections,
    test_arm_jobs,
    test_node_arm,
    test_node_classic,
    test_node_jobs,
    test_python_arm,
    test_python_classic,
    test_python_classic_jobs,
)
from tests.conformance.clients.arm_clients import KINDS, ArmClient
from tests.conformance.clients.conftest import Open, OpenArm
from tests.conformance.clients.driver import Client
from tests.conformance.clients.method_cases import methods_with_a_case

# They set something up or print something, and ask the service nothing.
SILENT = {
    "set_proxy",
    "with_filter",
    "wait_for_operation_status_progress_default_callback",
    "wait_for_operation_status_success_default_callback",
    "wait_for_operation_status_failure_default_callback",
}
OF_ARM = methods_with_a_case([test_arm_collections, test_arm_jobs])


def test_azure_servicemanagement_legacy(python_classic: Client) -> None:
    cases = methods_with_a_case([test_python_classic, test_python_classic_jobs])

    assert cases == python_classic.methods() - SILENT


def test_azure_asm_scheduler(open_node_classic: Open) -> None:
    kinds = ("azure-asm-scheduler", "azure-asm-scheduler cloud services")
    methods = {name for kind in kinds for name in open_node_classic(kind=kind).methods()}

    assert methods_with_a_case([test_node_classic]) == methods


def test_azure_scheduler(open_node_classic: Open) -> None:
    client = open_node_classic(kind="azure-scheduler", cloudService="cs", jobCollection="jc")

    assert methods_with_a_case([test_node_jobs]) == client.methods()


@pytest.mark.parametrize("kind", ["azure-mgmt-scheduler", "azure-mgmt-scheduler.aio"])
def test_azure_mgmt_scheduler(open_arm: OpenArm, kind: str) -> None:
    cases = OF_ARM | methods_with_a_case([test_python_arm])

    assert cases == open_arm(kind).client.methods()


def test_azure_arm_scheduler(open_arm: OpenArm) -> None:
    node: list[ArmClient] = [open_arm(kind) for kind in KINDS if kind.startswith("azure-arm")]
    shared = {each.real_name(method) for each in node for method in OF_ARM}

    assert shared | methods_with_a_case([test_node_arm]) == node[0].client.methods()
