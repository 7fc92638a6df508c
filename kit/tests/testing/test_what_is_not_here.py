"""What a machine lacks skips a test for a person, and fails it where nothing may be left out."""

import pytest

from millrace.testing.fixtures import not_here

NAMES = ("CI", "MILLRACE_TEST_COMPOSE")


@pytest.mark.parametrize("setting", [("CI", "true"), ("MILLRACE_TEST_COMPOSE", "required")])
def test_where_nothing_may_be_left_out_it_fails_with_the_reason(
    setting: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(*setting)

    with pytest.raises(pytest.fail.Exception, match=r"there is no mkfs\.ext4 here"):
        not_here("there is no mkfs.ext4 here")


def test_elsewhere_it_is_left_out_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(pytest.skip.Exception, match=r"there is no mkfs\.ext4 here"):
        not_here("there is no mkfs.ext4 here")
