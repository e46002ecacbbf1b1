from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nova_async.hw.mmu.decode import decode_dual, decode_pde, decode_pte
from nova_async.hw.mmu.formats import V2, V3, Aperture, MmuFormat

HandMade = Any  # conftest.HandMade; test modules import no test modules
Pages = st.integers(0, (1 << 25) - 1).map(lambda frame: frame << 12)
any_example = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
bit = st.integers(0, 1)


@any_example
@given(
    address=Pages,
    uncached=bit,
    privileged=bit,
    read_only=bit,
    atomic_disable=bit,
    kind=st.integers(0, 15),
)
def test_a_valid_pte_decodes_to_what_was_encoded(tables: HandMade, address: int, **bits: int) -> None:
    pte = decode_pte(tables.format.pte, tables.pte(address, **bits))
    assert pte.address == address
    assert pte.flags.valid
    assert pte.flags.aperture is Aperture.VIDEO
    assert {name: int(getattr(pte.flags, name)) for name in bits} == bits
    assert (pte.flags.sparse, pte.flags.no_small) == (False, False)


@any_example
@given(address=st.integers(0, (1 << 40) - 1).map(lambda frame: frame << 12), aperture=st.sampled_from([2, 3]))
def test_a_system_address_is_wider_than_a_video_address(tables: HandMade, address: int, aperture: int) -> None:
    pte = decode_pte(tables.format.pte, tables.pte(address, aperture=aperture))
    assert (pte.address, pte.flags.aperture) == (address, Aperture(aperture))


def test_a_peer_pte_names_the_peer(tables: HandMade) -> None:
    pte = decode_pte(tables.format.pte, tables.pte(0x1234000, aperture=1, peer=5))
    assert (pte.address, pte.flags.aperture, pte.flags.peer) == (0x1234000, Aperture.PEER, 5)


def test_a_v2_video_address_ends_at_bit_36_whatever_lies_above(v2: HandMade) -> None:
    pte = decode_pte(V2.pte, v2.pte((128 << 30) + 0x5000))  # hazards.md B 6: 128 GiB + x maps x
    assert pte.address == 0x5000


def test_a_v2_comptag_is_no_part_of_the_address(v2: HandMade) -> None:
    assert decode_pte(V2.pte, v2.pte(0x5000) | 0xFFFFF << 36).address == 0x5000


@any_example
@given(address=Pages, aperture=st.integers(1, 3), vol=bit)
def test_a_pde_decodes_to_what_was_encoded(tables: HandMade, address: int, aperture: int, vol: int) -> None:
    pde = decode_pde(tables.format.pde, tables.pde(address, aperture=aperture, vol=vol))
    expected = {1: Aperture.VIDEO, 2: Aperture.COHERENT, 3: Aperture.NONCOHERENT}[aperture]
    assert (pde.address, pde.aperture, pde.uncached, pde.sparse) == (address, expected, bool(vol), False)


@any_example
@given(
    big=st.integers(1, (1 << 29) - 1).map(lambda unit: unit << 8),
    small=st.integers(1, (1 << 25) - 1).map(lambda frame: frame << 12),
    big_aperture=st.integers(1, 3),
    small_aperture=st.integers(1, 3),
)
def test_both_halves_of_a_dual_entry_decode_to_what_was_encoded(
    tables: HandMade, big: int, small: int, big_aperture: int, small_aperture: int
) -> None:
    words = tables.dual(big=big, small=small, big_aperture=big_aperture, small_aperture=small_aperture)
    dual = decode_dual(tables.format, *words)
    apertures = {1: Aperture.VIDEO, 2: Aperture.COHERENT, 3: Aperture.NONCOHERENT}
    assert (dual.big.address, dual.big.aperture) == (big, apertures[big_aperture])
    assert (dual.small.address, dual.small.aperture) == (small, apertures[small_aperture])
    assert not dual.sparse


@pytest.mark.parametrize(
    ("layout", "word", "sparse", "no_small"),
    [
        pytest.param(V2, 0, False, False, id="2.3-invalid"),
        pytest.param(V2, 0x08, True, False, id="2.3-sparse"),
        pytest.param(V2, 0x20, False, True, id="2.3-no-small"),
        pytest.param(V3, 0, False, False, id="2.4-pcf-0"),
        pytest.param(V3, 0x08, True, False, id="2.4-pcf-1-sparse"),
        pytest.param(V3, 0x10, False, False, id="2.4-pcf-2-nowhere"),
        pytest.param(V3, 0x18, False, True, id="2.4-pcf-3-no-small"),
        pytest.param(V3, 0x28, False, False, id="2.4-pcf-5-means-nothing"),
    ],
)
def test_an_invalid_pte_may_be_sparse_or_hide_the_small_table(
    layout: MmuFormat, word: int, *, sparse: bool, no_small: bool
) -> None:
    flags = decode_pte(layout.pte, word).flags
    assert (flags.valid, flags.sparse, flags.no_small) == (False, sparse, no_small)
    assert not any((flags.uncached, flags.privileged, flags.read_only, flags.atomic_disable))


# hardware.md 2.4: what a PCF of a valid PTE means (uncached, privileged, read-only, no atomics)
@pytest.mark.parametrize(
    ("pcf", "meaning"),
    [
        (0x00, (False, False, False, False)),
        (0x01, (True, False, False, False)),
        (0x02, (False, True, False, False)),
        (0x04, (False, False, True, False)),
        (0x08, (False, False, False, True)),
        (0x0C, (False, False, True, True)),
        (0x10, (False, False, False, False)),
    ],
)
def test_the_pcf_of_a_valid_v3_pte_is_a_set_of_bits(pcf: int, meaning: tuple[bool, ...]) -> None:
    flags = decode_pte(V3.pte, pcf << 3 | 1).flags
    assert (flags.uncached, flags.privileged, flags.read_only, flags.atomic_disable) == meaning


# hardware.md 2.5: what nova writes for frame number F
FRAMES = [0, 1, 0x12345, (1 << 25) - 1]


@pytest.mark.parametrize("frame", FRAMES, ids=hex)
@pytest.mark.parametrize(
    ("layout", "encode", "read_only"),
    [
        pytest.param(V2, lambda f: (f << 8) + 0x01, False, id="2.5-V2-writable"),
        pytest.param(V2, lambda f: (f << 8) + 0x41, True, id="2.5-V2-read-only"),
        pytest.param(V3, lambda f: (f << 12) + 0x041, False, id="2.5-V3-writable"),
        pytest.param(V3, lambda f: (f << 12) + 0x061, True, id="2.5-V3-read-only"),
    ],
)
def test_a_pte_of_nova_decodes_to_its_frame_and_rights(
    layout: MmuFormat, encode: Callable[[int], int], frame: int, *, read_only: bool
) -> None:
    pte = decode_pte(layout.pte, encode(frame))
    assert pte.address == frame << 12
    assert pte.flags.valid
    assert pte.flags.aperture is Aperture.VIDEO
    assert pte.flags.read_only is read_only
    assert (pte.flags.privileged, pte.flags.uncached, pte.flags.kind) == (False, False, 0)
    assert pte.flags.atomic_disable is (layout is V3)  # V3 writes PCF 0x08 and 0x0C


@pytest.mark.parametrize("frame", FRAMES, ids=hex)
@pytest.mark.parametrize(
    ("layout", "encode"),
    [
        pytest.param(V2, lambda f: (f << 8) + 0x02, id="2.5-V2"),
        pytest.param(V3, lambda f: (f << 12) + 0x002, id="2.5-V3"),
    ],
)
def test_a_pde_of_nova_decodes_to_its_table(layout: MmuFormat, encode: Callable[[int], int], frame: int) -> None:
    word = encode(frame)
    pde = decode_pde(layout.pde, word)
    assert (pde.address, pde.aperture) == (frame << 12, Aperture.VIDEO)
    assert not layout.is_pte.get(word)
    dual = decode_dual(layout, 0, word)
    assert dual.small == pde
    assert not dual.big.present


def test_the_invalid_pde_of_nova_is_a_leaf_bit_on_v2_and_nothing_on_v3() -> None:
    assert V2.is_pte.get(0x1) == 1
    assert not decode_pde(V2.pde, 0x1).present
    assert not decode_pde(V3.pde, 0).present
