"""Who answers a path: what tells an error in XML from one in JSON."""

import pytest

from shared.scheduler.service.exchange import Responder, responder_of
from tests.shared.scheduler.scheduler_stack import CS, JC, JC_PASSED, JOBS, ROOT


@pytest.mark.parametrize(
    ("path", "responder"),
    [
        (CS, Responder.FRONT_END),
        (JC, Responder.FRONT_END),
        (f"{ROOT}/operations/1", Responder.FRONT_END),
        (JC_PASSED, Responder.PROVIDER),
        (f"{JOBS}/a/history", Responder.PROVIDER),
        (JOBS.replace("~", "%7E"), Responder.PROVIDER),
        (JOBS.replace("~", "%7e"), Responder.PROVIDER),
        # A name is no passing through, not even one that nothing can have.
        (JC.replace("cs1", "~"), Responder.FRONT_END),
        (f"{JC}/~/x", Responder.FRONT_END),
        ("/subscriptions/1/resourceGroups/a", Responder.ARM),
        ("/Subscriptions/1/~/x", Responder.ARM),
        ("/", Responder.FRONT_END),
    ],
)
def test_a_path_tells_who_answers(path: str, responder: Responder) -> None:
    assert responder_of(path) is responder
