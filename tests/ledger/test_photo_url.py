"""Only a photo that anybody may fetch is handed to an outside service."""

import pytest

from ledger import InvalidArgument
from ledger.photo_url import MAX_LENGTH, check_photo_url, photo_address


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/test.jpg",
        "https://example.com:8443/a/b.jpg?sig=a%20b#x",
        "https://8.8.8.8/p.jpg",
        "https://[2606:4700:4700::1111]/p.jpg",
        "https://bücher.example/p.jpg",
        "https://example.com/" + "a" * (MAX_LENGTH - 20),
    ],
)
def test_a_public_https_url_is_taken_as_it_is(url: str) -> None:
    assert check_photo_url(url, local_environment=False) == url


def test_a_signed_url_may_have_4096_characters() -> None:
    assert MAX_LENGTH == 4096


def test_a_photos_address_is_scheme_host_and_path() -> None:
    assert photo_address("https://Example.com:8443/A/b.jpg?sig=1#x") == "https://example.com:8443/A/b.jpg"


@pytest.mark.parametrize(
    "url",
    [
        "", "test.jpg", "//example.com/a.jpg", "ftp://example.com/a.jpg", "file:///etc/passwd",
        "data:image/png;base64,AAAA", "javascript:alert(1)", "https://", "https:///a.jpg",
        "https://user@example.com/a.jpg", "https://user:secret@example.com/a.jpg",
        "https://example.com/a b.jpg", "https://example.com/a\n.jpg", "https://example.com\\@evil/a.jpg",
        "https://example.com/\u202egpj.jpg", "https://exa\0mple.com/a.jpg", "https://example.com/\ud800",
        "https://example.com:99999/a.jpg", "https://[::1/a.jpg",
        "https://a..b/a.jpg", "https://" + "a" * 64 + ".com/a.jpg",
        "https://127.0.0.1%00.example.com/a.jpg", "https://-example.com/a.jpg", "https://[v1.abc]/a.jpg",
        "https://example.com/" + "a" * (MAX_LENGTH - 19),
    ],
)  # fmt: skip
@pytest.mark.parametrize("local_environment", [True, False])
def test_a_malformed_url_is_refused_everywhere(url: str, local_environment: bool) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_photo_url(url, local_environment=local_environment)
    assert refused.value.field == "photoUrl"
    assert "example.com" not in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.jpg",
        "https://localhost/a.jpg", "https://LOCALHOST./a.jpg", "https://a.localhost/a.jpg",
        "https://intranet/a.jpg", "https://printer.local/a.jpg", "https://metadata.google.internal/a.jpg",
        "https://127.0.0.1/a.jpg", "https://127.1/a.jpg", "https://2130706433/a.jpg", "https://0x7f.1/a.jpg",
        "https://0177.0.0.1/a.jpg", "https://\uff11\uff12\uff17.0.0.1/a.jpg", "https://0.0.0.0/a.jpg",
        "https://10.1.2.3/a.jpg", "https://192.168.1.1/a.jpg", "https://172.16.0.1/a.jpg",
        "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/a.jpg", "https://224.0.0.1/a.jpg",
        "https://[::1]/a.jpg", "https://[::]/a.jpg", "https://[fe80::1]/a.jpg", "https://[fd00::1]/a.jpg",
        "https://[::ffff:127.0.0.1]/a.jpg", "https://[2002:7f00:1::]/a.jpg",
        "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/a.jpg",
        "https://1.2.3.400/a.jpg",
        "https://[::127.0.0.1]/a.jpg", "https://[64:ff9b::7f00:1]/a.jpg", "https://[64:ff9b::a9fe:a9fe]/a.jpg",
        "https://[::ffff:0:127.0.0.1]/a.jpg", "https://[fec0::1]/a.jpg", "https://127.0.0.0x1./a.jpg",
        "https://127.0.0.1./a.jpg", "https://localhost.localdomain/a.jpg", "https://x.corp/a.jpg",
        "https://x.intranet/a.jpg", "https://router.home/a.jpg", "https://1.168.192.in-addr.arpa/a.jpg",
        "https://[fe80::1%25eth0]/a.jpg",
    ],
)  # fmt: skip
def test_only_the_local_environment_allows_private_hosts(url: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_photo_url(url, local_environment=False)
    assert refused.value.field == "photoUrl"
    assert check_photo_url(url, local_environment=True) == url
