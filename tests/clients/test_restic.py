"""restic: https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html."""

from pathlib import Path

import swiftclient

from tests.clients.programs import Program
from tests.clients.trees import digests, random_file
from tests.clients.witness import stored


def test_what_is_backed_up_is_restored_byte_for_byte_and_gone_when_pruned(
    restic: Program,
    swift: swiftclient.Connection,
    bucket: str,
    odd: tuple[Path, dict[str, str]],
    tmp_path: Path,
) -> None:
    (root, files), large, restored = odd, tmp_path / "large", tmp_path / "restored"
    random_file(large / "file", 20)

    _run(restic, "init")  # makes the bucket
    assert "repository/config" in stored(swift, bucket)
    _run(restic, "backup", root, large)
    assert "no errors were found" in _run(restic, "check", "--read-data")

    _run(restic, "restore", "latest", "--target", restored)
    assert digests(_below(restored, root)) == files
    assert digests(_below(restored, large)) == digests(large)

    assert _packs(swift, bucket)
    _run(restic, "forget", "--prune", "latest")
    assert not _packs(swift, bucket)


def _run(restic: Program, *arguments: str | Path) -> str:
    """Restic cannot be told not to repeat a failed request, but it says when it does."""
    output = restic(*arguments)
    assert "returned error" not in output
    return output


def _packs(swift: swiftclient.Connection, bucket: str) -> set[str]:
    return {name for name in stored(swift, bucket) if name.startswith("repository/data/")}


def _below(restored: Path, original: Path) -> Path:
    """Restic restores under the whole former path."""
    return restored / original.relative_to("/")
