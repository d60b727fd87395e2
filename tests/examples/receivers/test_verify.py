"""The receivers of the examples, against signatures as our sink makes them."""

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest

from examples.receivers.verify import InvalidSignatureError, verify
from tests.conformance.clients.languages import node_program
from tests.examples.receivers.signatures import CASES, NOW, SECRET, Webhook

ROOT = Path(__file__).parents[3]
RECEIVERS = ROOT / "examples" / "receivers"
HOW_TO = ROOT / "docs" / "how-to" / "receive-webhooks.md"
# Names in a file, whether a signature fits each.
NODE = """
const { verify } = require(process.argv[1])
const { cases, secret, now } = JSON.parse(require('fs').readFileSync(0))
const taken = cases.map(({ headers, body }) => {
  try {
    verify(secret, headers, Buffer.from(body, 'base64'), now)
    return true
  } catch (error) {
    if (error.constructor.name !== 'InvalidSignatureError') throw error
    return false
  }
})
console.log(JSON.stringify(taken))
"""


@pytest.mark.parametrize("webhook", CASES.values(), ids=CASES)
def test_python_takes_what_is_signed_and_nothing_else(webhook: Webhook) -> None:
    headers = {name.title(): value for name, value in webhook.headers.items()}
    try:
        verify(SECRET, headers, webhook.body, now=NOW.timestamp())
        is_taken = True
    except InvalidSignatureError:
        is_taken = False

    assert is_taken == webhook.is_good


def test_node_takes_what_is_signed_and_nothing_else() -> None:
    cases = [
        {"headers": one.headers, "body": base64.b64encode(one.body).decode()}
        for one in CASES.values()
    ]
    asked = json.dumps({"cases": cases, "secret": SECRET, "now": NOW.timestamp()})

    ran = subprocess.run(
        [node_program(), "-e", NODE, str(RECEIVERS / "verify.js")],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )

    taken = dict(zip(CASES, json.loads(ran.stdout), strict=True))
    assert taken == {name: one.is_good for name, one in CASES.items()}


def test_c_sharp_is_whole_and_says_what_the_others_say() -> None:
    # There is no .NET here, so it was never compiled by us: this reads it, and a reader has to do the rest.
    text = (RECEIVERS / "Verify.cs").read_text()
    code = re.sub(r'//.*|\$?"[^"\n]*"', "", text)

    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    assert set(re.findall(r"^using ([\w.]+);", text, re.MULTILINE)) == {
        *("System", "System.Globalization", "System.Linq", "System.Text"),
        "System.Security.Cryptography",
    }
    assert "FixedTimeEquals" in code
    assert "ToleranceSeconds = 300" in code
    messages = set(re.findall(r'InvalidSignature\w+\(["\'](.*?)["\']\)', text))
    for other in ("verify.py", "verify.js"):
        found = re.findall(
            r'InvalidSignature\w+\(["\'](.*?)["\']\)', (RECEIVERS / other).read_text()
        )
        assert set(found) == messages
    assert len(messages) == 3


def test_the_how_to_shows_the_receiver_in_python_as_it_is() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)

    assert shown == (RECEIVERS / "verify.py").read_text()
