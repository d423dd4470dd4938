"""Secrets at rest: unreadable without the key, readable after the key was changed."""

import pytest

from base.encryption import Unreadable, decrypt, encrypt, is_current


def test_token_gives_the_text_back_and_does_not_show_it():
    token = encrypt("whsec_täst")
    assert decrypt(token) == "whsec_täst"
    assert "whsec" not in token


def test_same_text_becomes_another_token_each_time():
    assert encrypt("whsec_a") != encrypt("whsec_a")


def test_former_key_still_reads_what_it_hid(settings):
    token = encrypt("whsec_a")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    assert decrypt(token) == "whsec_a"
    assert not is_current(token)
    assert is_current(encrypt("whsec_a"))


def test_changed_key_without_the_former_one_says_what_to_do(settings):
    token = encrypt("whsec_a")
    settings.SECRET_KEY = "another key"
    with pytest.raises(Unreadable, match="SECRET_KEY_FALLBACKS"):
        decrypt(token)


def test_token_that_somebody_changed_is_not_read():
    token = encrypt("whsec_a")
    with pytest.raises(Unreadable):
        decrypt(token[:-4] + "AAA=")
