"""`tocsin keys`: the ring of keys under which the secrets of a data folder are sealed; never what is in them."""

import os
from collections.abc import Mapping
from pathlib import Path

from shared.bootstrap import count_sealed_values
from shared.cli.private_folder import PrivateFolder
from shared.errors import ConflictError
from shared.key_ring import KEY_BYTES, KeyRing, change_key_file, load_key_file
from shared.settings import load_settings


def list_keys(data: Path) -> None:
    """Print each key and how many sealed values need it; also beside a running process."""
    folder = PrivateFolder(data)
    ring = load_key_file(folder.data_key_file)
    url = database_url()
    is_there = url is not None or folder.database.exists()
    uses = count_sealed_values(data, database_url=url) if is_there else {}
    rows = [("key", "sealed values", "")]
    rows += [(name, str(uses.get(name, 0)), remark(ring, name)) for name in {**ring.keys, **uses}]
    for name, count, what in rows:
        print(f"{name:12} {count:>13}  {what}".rstrip())


def remark(ring: KeyRing, name: str) -> str:
    if name not in ring.keys:
        return "missing: what it sealed cannot be opened"
    return "current" if name == ring.current else ""


def rotate_key(data: Path) -> None:
    """Add a key and make it the current one."""
    folder = PrivateFolder(data)
    ring = change_key_file(folder.data_key_file, lambda ring: ring.rotated(os.urandom(KEY_BYTES)))
    print(
        f"{ring.current} is the current key of {folder.data_key_file}.\n"
        "Restart the process that runs on this folder: from then on it seals under the new key, and seals anew what\n"
        f"older keys sealed. When `tocsin keys list --data {data}` shows 0 for those, `tocsin keys prune` removes them."
    )


def prune_keys(data: Path) -> None:
    """Remove the keys that nothing uses.

    Raises:
        ConflictError: each older key is in use.
    """
    folder = PrivateFolder(data)
    uses = count_sealed_values(data, database_url=database_url())
    before = load_key_file(folder.data_key_file)
    older = before.keys.keys() - {before.current}
    unused = frozenset(name for name in older if not uses.get(name))
    if not uses:
        # Its check says under which key a process seals that runs, or is just starting.
        raise ConflictError(f"no process has run on {data} yet, so nobody knows which keys it uses")
    if older and not unused:
        raise ConflictError(in_use(uses, sorted(older)))
    if unused:
        change_key_file(folder.data_key_file, lambda ring: ring.without(unused))
    for name in sorted(older):
        print(f"{name} is removed" if name in unused else f"{name} stays: {in_use(uses, [name])}")
    if not older:
        print(f"there is no key but the current one, {before.current}")


def database_url() -> str | None:
    """Return where the values are, if that is not the data folder."""
    return load_settings().database_url


def in_use(uses: Mapping[str, int], names: list[str]) -> str:
    counts = ", ".join(f"{uses[name]} under {name}" for name in names)
    return (
        f"there are sealed values left ({counts}); a process that was started after the rotation seals them anew"
        " within a few sweeps, each of 30 s"
    )
