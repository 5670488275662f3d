import pytest

from app.settings.sources import SettingsInvalid, load_settings
from app.settings.store_url import check_store_url, without_secrets


@pytest.mark.parametrize(
    "url",
    [
        ".nearline/models",
        "/a folder/with@sign?and#more",
        "file:///models",
        "memory:/models",
        "s3://bucket/prefix",
        "simplecache::s3://bucket",
        "abfs://container@account.dfs.core.windows.net/models",
        "sftp://login@host/models",
    ],
)
def test_what_holds_no_secret_is_taken(url: str) -> None:
    assert check_store_url(url) == url


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("s3://hush:hu/sh@bucket/models", "user:password@ would show"),
        ("s3://hush@bucket", "user:password@ would show"),
        ("S3://:hush@bucket", "user:password@ would show"),
        ("https://hush@host/models", "user:password@ would show"),
        ("sftp://login:hush@host/models", "user:password@ would show"),
        ("abfs://container@account:hush@host", "user:password@ would show"),
        ("simplecache::s3://a:hush@bucket", "user:password@ would show"),
        ("s3://bucket/models?secret=hush", "no query"),
        ("https://host/models?X-Amz-Signature=hush", "no query"),
        ("s3://bucket/models#hush", "no query and no fragment"),
    ],
)
def test_what_may_hold_a_secret_is_refused_and_not_repeated(url: str, sentence: str) -> None:
    with pytest.raises(SettingsInvalid, match=sentence) as refused:
        load_settings(environ={"NEARLINE_STORE": url})
    assert str(refused.value).startswith("store=")
    assert "(env NEARLINE_STORE) is refused: " in str(refused.value)
    assert "hu" not in str(refused.value)


def test_other_values_are_shown_as_they_are() -> None:
    assert [without_secrets(value) for value in ("s3://bucket/a", "a@b?c", 7, None)] == [
        "s3://bucket/a",
        "a@b?c",
        7,
        None,
    ]
    assert without_secrets("s3://a:b/c@d@bucket/e?f=g") == "s3://********@bucket/e?********"
