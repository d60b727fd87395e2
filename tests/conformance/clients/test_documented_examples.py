"""The examples of docs/how-to/use-existing-clients.md, run as its reader runs them."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.clients.conftest import PYTHON
from tests.conformance.clients.languages import MODULES, SEARCH_PATH
from tests.conformance.clients.service_process import SUBSCRIPTION, ServiceProcess
from tests.shared.cli.serving_process import ROOT

PAGE = ROOT / "docs" / "how-to" / "use-existing-clients.md"
EXAMPLE = re.compile(
    r"^## ([^\n]+)\n(?:(?!^## ).)*?^```(python|js)\n(.*?)^```\n\n^```text\n(.*?)^```",
    re.MULTILINE | re.DOTALL,
)
EXAMPLES = {
    title: (language, code, output)
    for title, language, code, output in EXAMPLE.findall(PAGE.read_text())
}
ADDRESS = "127.0.0.1:8443"
CALLED = "https://example.org/"
DOCUMENTED_SUBSCRIPTION = "5da4ce56-0000-4000-8000-00000000000a"


@dataclass(frozen=True)
class Reader:
    """Runs examples in a folder that has what the page tells its reader to make there."""

    folder: Path
    words: Mapping[str, str]
    token: str

    def run(self, command: Sequence[str | Path], code: str, environment: Mapping[str, str]) -> str:
        for word, ours in self.words.items():
            code = code.replace(word, ours)
        example = self.folder / "example"
        example.write_text(code)
        done = subprocess.run(
            [*command, example],
            cwd=self.folder,
            env={"PATH": SEARCH_PATH, "TOKEN": self.token, **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path, service: ServiceProcess, target: str) -> Reader:
    shutil.copy(service.owner.pem, tmp_path / "me.pem")
    (tmp_path / "data").symlink_to(service.authority.parents[1])
    # The jobs of the examples run: what they call is here too.
    words = {ADDRESS: service.host, DOCUMENTED_SUBSCRIPTION: SUBSCRIPTION, CALLED: f"{target}/"}
    return Reader(tmp_path, words, service.token)


@pytest.mark.usefixtures("python_driver")
@pytest.mark.parametrize("title", ["Python, classic", "Python, Azure Resource Manager"])
def test_an_example_in_python_prints_what_the_page_says(reader: Reader, title: str) -> None:
    language, code, output = EXAMPLES[title]

    printed = reader.run([PYTHON], code, {"REQUESTS_CA_BUNDLE": "data/tls/ca.pem"})

    assert (language, printed) == ("python", output)


@pytest.mark.usefixtures("node_driver")
@pytest.mark.parametrize("title", ["Node, classic", "Node, Azure Resource Manager"])
def test_an_example_in_node_prints_what_the_page_says(reader: Reader, title: str) -> None:
    language, code, output = EXAMPLES[title]
    trust = {"NODE_EXTRA_CA_CERTS": "data/tls/ca.pem", "NODE_PATH": str(MODULES)}

    printed = reader.run(["node"], code, trust)

    assert (language, printed) == ("js", output)
