import pytest

from models import errors
from models.errors import AnnouncementInvalid, ArtifactInvalid, ModelError


def error_classes() -> list[type]:
    return [member for member in vars(errors).values() if isinstance(member, type)]


def test_every_error_is_a_model_error_and_in_the_drawing() -> None:
    for error in error_classes():
        assert issubclass(error, ModelError)
        assert error.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("error", [ArtifactInvalid, AnnouncementInvalid])
def test_the_reason_is_the_message(error: type[ArtifactInvalid] | type[AnnouncementInvalid]) -> None:
    raised = error("manifest.json is missing")
    assert raised.reason == str(raised) == "manifest.json is missing"
